"""A collection as PocketBase keeps it: a row of its table `_collections`, taken apart. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.pocketbase.failed import CannotMove

RULES: Final = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")


class SourceCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection. `columns` are those that its table really has, `digest` is another for every other definition."""

    id: str
    name: str
    type: str
    system: bool
    fields: tuple[dict[str, Any], ...]
    indexes: tuple[str, ...]
    rules: dict[str, str | None]
    options: dict[str, Any]
    created: str
    updated: str
    columns: frozenset[str]
    digest: bytes

    @property
    def is_view(self) -> bool:
        """Whether it shows what others hold."""
        return self.type == "view"


def read_source_collection(row: Mapping[str, Any], columns: frozenset[str]) -> SourceCollection:
    """The collection in a row. Raises CannotMove for one that PocketBase itself could not read."""
    label = str(row["name"])
    fields = [cast(dict[str, Any], one) for one in _list(row, "fields") if isinstance(one, dict)]
    return SourceCollection(
        id=str(row["id"]),
        name=label,
        type=str(row["type"]),
        system=bool(row["system"]),
        fields=tuple(fields),
        indexes=tuple(str(one) for one in _list(row, "indexes")),
        rules={rule: None if row[rule] is None else str(row[rule]) for rule in RULES},
        options=_object(row, "options"),
        created=str(row["created"] or ""),
        updated=str(row["updated"] or ""),
        columns=columns,
        digest=digest_of(row[key] for key in row if key not in ("created", "updated")),
    )


def digest_of(values: Any) -> bytes:
    """16 bytes that are others for other values."""
    return hashlib.blake2b(repr(tuple(values)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _json(row: Mapping[str, Any], key: str) -> Any:
    text = row[key]
    try:
        return msgspec.json.decode(text if isinstance(text, bytes) else str(text or "null").encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as failure:
        raise CannotMove(f"The {key} of the collection {row['name']!r} are no valid JSON.") from failure


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    found = _json(row, key)
    return cast(list[Any], found) if isinstance(found, list) else []


def _object(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = _json(row, key)
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}
