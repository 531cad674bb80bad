"""Values of records: as they come, and as they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType, field

T = TypeVar("T")
Unset: TypeAlias = UnsetType
NO_DATE: Final = datetime.min.replace(tzinfo=UTC)

if TYPE_CHECKING:
    Date: TypeAlias = datetime | None
else:

    class _AnyDate(type):
        def __instancecheck__(cls, value):
            return value is None or isinstance(value, datetime)

    class Date(metaclass=_AnyDate):
        """A date that may be missing: the server writes an empty text then, which msgspec takes for no date."""


_DATE: Final[object] = Date


class GeoPoint(msgspec.Struct, frozen=True):
    """A place on the earth, in degrees."""

    lon: float = 0.0
    lat: float = 0.0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What all records have. `hf_etag` is the version that `if_unchanged` compares; records of lists have none."""

    hf_etag: str = field(name="hf_etag", default="")

    def __repr__(self) -> str:
        """Its fields."""
        kept = (name for name in self.__struct_fields__ if not name.startswith("hf_"))
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in kept)})"


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """What a create or an update sends: the fields that are given. `hf_is_account`: of somebody who logs in."""

    hf_is_account: ClassVar[bool] = False


class Amount(msgspec.Struct, frozen=True):
    """A change of a number by so much."""

    by: Any
    sign: str


class ListChange(msgspec.Struct, Generic[T], frozen=True):
    """A change of a field with many values: `field+`, `+field` or `field-`."""

    values: Sequence[T]
    where: str


def add(by: Any) -> Amount:
    """Add to a number: `PostUpdate(views=add(1))`. None of such changes is lost, however many there are at once."""
    return Amount(by, "+")


def subtract(by: Any) -> Amount:
    """Subtract from a number."""
    return Amount(by, "-")


def append(*values: T) -> ListChange[T]:
    """Put values at the end of a field with many."""
    return ListChange(values, "end")


def prepend(*values: T) -> ListChange[T]:
    """Put values at the start of a field with many."""
    return ListChange(values, "start")


def remove(*values: T) -> ListChange[T]:
    """Take values out of a field with many."""
    return ListChange(values, "out")


def modified_key(name: str, change: Amount | ListChange[Any]) -> str:
    """The key under which a change is sent."""
    if isinstance(change, Amount):
        return name + change.sign
    return f"+{name}" if change.where == "start" else name + ("+" if change.where == "end" else "-")


def read_special(kind: object, value: Any) -> Any:
    """msgspec's hook for `Date`."""
    if kind is not _DATE:
        # What msgspec asks its hooks to raise for a type that is not theirs.
        raise NotImplementedError(f"{kind} is no type of a record's field")
    return datetime.fromisoformat(value) if value else None


__all__ = ["UNSET", "field"]
