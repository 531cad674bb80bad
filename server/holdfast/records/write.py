"""A write of one record, as a value: as it was asked for, and what came of it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.http.preconditions import Versions
from holdfast.identity import Principal
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One write as it was asked for, by a request of its own or as a part of a batch.

    `fields` and `expand` shape the answer. `versions` are the ones that the caller has seen. `request` is what rules
    may ask about; without it that is who asks, and the body. Plugins hear of it if it is `hooked`; `depth` counts the
    writes of plugins that led to it. `new_id` is for a record that comes without an id: files are stored under it.
    """

    catalog: Catalog
    collection: Collection
    who: Principal
    id: str = ""
    body: Mapping[str, Any] = {}
    fields: str = ""
    expand: str = ""
    versions: Versions = None
    request: Facts | None = None
    hooked: bool = True
    depth: int = 0
    new_id: str = ""


class Written(msgspec.Struct, frozen=True):
    """The record after the write, as JSON, its id and its version."""

    id: str
    body: bytes
    version: str
