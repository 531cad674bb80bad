"""What the generated files refer to, under one name: a field of a collection can then have any other."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .aio.accounts import AsyncAccounts
from .aio.client import AsyncBaseBatch, AsyncBaseClient
from .aio.reading import AsyncView
from .aio.writing import AsyncTable
from .batches import BatchTable
from .events import OtherEvent, RecordEvent, read_record_event
from .paths import Bool, Choice, Exact, Json, Moment, Number, Opaque, Point, RecordPath, Text
from .sync.accounts import Accounts
from .sync.client import BaseBatch, BaseClient
from .sync.reading import View
from .sync.writing import Table
from .uploads import Upload
from .values import NO_DATE, UNSET, Amount, Date, GeoPoint, Input, ListChange, Record, Unset, field

ABSENT: Any = ""  # of a choice that can be nothing else: it was not asked for, or may not be read

__all__ = [
    "ABSENT",
    "NO_DATE",
    "UNSET",
    "Accounts",
    "Amount",
    "Any",
    "AsyncAccounts",
    "AsyncBaseBatch",
    "AsyncBaseClient",
    "AsyncTable",
    "AsyncView",
    "BaseBatch",
    "BaseClient",
    "BatchTable",
    "Bool",
    "Choice",
    "Date",
    "Decimal",
    "Exact",
    "GeoPoint",
    "Input",
    "Json",
    "ListChange",
    "Moment",
    "Number",
    "Opaque",
    "OtherEvent",
    "Point",
    "Record",
    "RecordEvent",
    "RecordPath",
    "Sequence",
    "Table",
    "Text",
    "Unset",
    "Upload",
    "View",
    "date",
    "datetime",
    "field",
    "read_record_event",
]
