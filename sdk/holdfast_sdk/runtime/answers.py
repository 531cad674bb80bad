"""What the server answers, apart from records themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, overload

import msgspec

from .paths import Path, RecordPath, Value

RecordT = TypeVar("RecordT")
T = TypeVar("T")


class Page(msgspec.Struct, Generic[RecordT], frozen=True, rename="camel"):
    """A page of a list. `total_items` and `total_pages` are -1 where they were not counted."""

    items: list[RecordT]
    page: int = 1
    per_page: int = 0
    total_items: int = -1
    total_pages: int = -1
    total_is_estimate: bool = False
    next_cursor: str | None = None


class Change(msgspec.Struct, Generic[RecordT], frozen=True):
    """One change of a record, as `subscribe` tells it. `position` is where to go on from."""

    action: Literal["create", "update", "delete"]
    record: RecordT
    position: str = ""


class Reset(msgspec.Struct, frozen=True):
    """Changes cannot be told one by one: read the records afresh.

    `reason`: `lost` if nobody knows any more what came after the position, `truncated` if a table was emptied.
    """

    reason: str = ""
    position: str = ""


class Actor(msgspec.Struct, frozen=True, rename="camel"):
    """Who made a change."""

    kind: str = ""
    collection: str = ""
    id: str = ""
    name: str = ""


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after."""

    before: Any = None
    after: Any = None


class Version(msgspec.Struct, Generic[RecordT], frozen=True, rename="camel"):
    """One version of a record."""

    version: int
    at: datetime
    action: str
    record: RecordT | None = None
    actor: Actor | None = None
    changed: dict[str, FieldChange] | None = None
    request_id: str = ""
    seq: int = 0


def page_of(kind: type[T]) -> type[Page[T]]:
    """The type of a page of these, for a decoder."""
    generic: Any = Page
    found: type[Page[T]] = generic[kind]
    return found


def change_of(kind: type[T]) -> type[Change[T]]:
    """The type of a change of these."""
    generic: Any = Change
    found: type[Change[T]] = generic[kind]
    return found


def version_of(kind: type[T]) -> type[Version[T]]:
    """The type of a version of these."""
    generic: Any = Version
    found: type[Version[T]] = generic[kind]
    return found


class ImportReport(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the lines of an import; the first errors are told one by one."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = []
    import_id: str = ""


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """A login that can be ended on its own."""

    id: str
    created: str = ""
    last_used: str = ""
    expires: str = ""
    address: str = ""
    user_agent: str = ""
    current: bool = False


class Aggregate(Generic[T]):
    """Something to compute over records; `text` is how the server writes it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def hf_path(self) -> str:
        """As a sort names it."""
        return self.text

    def __neg__(self) -> Any:
        """The largest first."""
        from .filters import Sort

        return Sort("-" + self.text)


def count() -> Aggregate[int]:
    """How many records."""
    return Aggregate("count()")


def count_distinct(path: Path) -> Aggregate[int]:
    """How many different values."""
    return Aggregate(f"countDistinct({path.hf_path})")


def total(path: Value[T]) -> Aggregate[T]:
    """The sum; 0 of none."""
    return Aggregate(f"sum({path.hf_path})")


def average(path: Value[Any]) -> Aggregate[float | None]:
    """The mean; None of none. That of decimals is a text."""
    return Aggregate(f"avg({path.hf_path})")


def least(path: Value[T]) -> Aggregate[T | None]:
    """The smallest value; None of none."""
    return Aggregate(f"min({path.hf_path})")


def greatest(path: Value[T]) -> Aggregate[T | None]:
    """The largest value; None of none."""
    return Aggregate(f"max({path.hf_path})")


class Group:
    """One group of an aggregate: ask it by what was asked for, `group[Post.status]` or `group[count()]`."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __repr__(self) -> str:
        """Its values."""
        return f"Group({self.values})"

    @overload
    def __getitem__(self, key: Aggregate[T]) -> T: ...
    @overload
    def __getitem__(self, key: Value[T]) -> T: ...
    @overload
    def __getitem__(self, key: RecordPath) -> str: ...
    def __getitem__(self, key: Any) -> Any:
        """The value of a part of the aggregate. Raises KeyError for what was not asked for."""
        return self.values[key.hf_path]
