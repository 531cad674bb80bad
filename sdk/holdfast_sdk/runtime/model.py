"""What the generated models refer to, under one name: a field of a collection can then have any other."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from .events import OtherEvent, RecordEvent, read_record_event
from .expanding import Expand, Related
from .paths import Bool, Choice, Exact, Json, Moment, Number, Opaque, Point, RecordPath, Text
from .uploads import Upload
from .values import NO_DATE, UNSET, Amount, Date, GeoPoint, Input, ListChange, Record, Unset, field

ABSENT: Any = ""  # of a choice that can be nothing else: it was not asked for, or may not be read

__all__ = [
    "ABSENT",
    "NO_DATE",
    "UNSET",
    "Amount",
    "Any",
    "Bool",
    "Choice",
    "Date",
    "Decimal",
    "Exact",
    "Expand",
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
    "Related",
    "Sequence",
    "Text",
    "Unset",
    "Upload",
    "cached_property",
    "date",
    "datetime",
    "field",
    "read_record_event",
]
