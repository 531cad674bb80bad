"""Fields as values that compare: `Post.author.name == "Ann"` is a filter, and `-Post.created` a sort.

Paths have no methods, so that no field's name is taken: what is done with them are functions, such as `any_of`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeAlias, TypeVar

from .filters import Filter, Macro, Sort, comparison

T = TypeVar("T")
_KEY: Final = re.compile(r"[A-Za-z0-9_]+")


class Path:
    """A path to a value, from a record of one collection. `hf_path` is its text; `hf_any`: one of many is enough."""

    __slots__ = ("hf_any", "hf_path")

    def __init__(self, before: Path | None = None, name: str = "") -> None:
        above = "" if before is None else before.hf_path
        self.hf_path: str = f"{above}.{name}" if above and name else above or name
        self.hf_any: bool = before is not None and before.hf_any

    def __repr__(self) -> str:
        """As a filter writes it."""
        return self.hf_path

    def __neg__(self) -> Sort:
        """The other way round, in a sort."""
        return Sort("-" + self.hf_path)

    def __hash__(self) -> int:
        """By what it leads to."""
        return hash(self.hf_path)

    def __bool__(self) -> bool:
        """Raises TypeError: a path stands for a value that only the server knows."""
        raise TypeError(f"{self.hf_path} is a path and has no truth: compare it with something.")


class Value(Path, Generic[T]):
    """A path that leads to values of a kind."""

    __slots__ = ()

    __hash__ = Path.__hash__

    def __eq__(self, other: T | Path | Macro | None) -> Filter:  # type: ignore[override]
        """Equal."""
        return comparison(self, "=", other)

    def __ne__(self, other: T | Path | Macro | None) -> Filter:  # type: ignore[override]
        """Not equal."""
        return comparison(self, "!=", other)

    def __lt__(self, other: T | Path | Macro) -> Filter:
        """Before."""
        return comparison(self, "<", other)

    def __le__(self, other: T | Path | Macro) -> Filter:
        """Before, or equal."""
        return comparison(self, "<=", other)

    def __gt__(self, other: T | Path | Macro) -> Filter:
        """After."""
        return comparison(self, ">", other)

    def __ge__(self, other: T | Path | Macro) -> Filter:
        """After, or equal."""
        return comparison(self, ">=", other)


class Text(Value[str]):
    """A text."""

    __slots__ = ()


class Number(Value[float]):
    """A number."""

    __slots__ = ()


class Bool(Value[bool]):
    """True or false."""

    __slots__ = ()


class Moment(Value[datetime | date | str]):
    """A date. A text such as `2026-11` is its first instant."""

    __slots__ = ()


class Exact(Value[Decimal | int | str]):
    """A decimal number."""

    __slots__ = ()


class Choice(Value[T]):
    """One of fixed values, or many of them."""

    __slots__ = ()


class Json(Value[Any]):
    """JSON. `Post.meta["tags"][0]` leads into it."""

    __slots__ = ()

    def __getitem__(self, key: str | int) -> Json:
        """What is under a key of an object, or at a place of a list, from 0. Raises ValueError for another key."""
        name = str(key)
        if _KEY.fullmatch(name) is None:
            raise ValueError(f"A filter cannot lead to the key {name!r}: letters, digits and _ can.")
        return Json(self, name)

    __iter__ = None  # else the brackets would make it look like a sequence without an end


class Point(Path):
    """A place on the earth."""

    __slots__ = ()

    @property
    def lon(self) -> Number:
        """Its longitude."""
        return Number(self, "lon")

    @property
    def lat(self) -> Number:
        """Its latitude."""
        return Number(self, "lat")


class Opaque(Path):
    """What cannot be compared: vectors."""

    __slots__ = ()


class RecordPath(Path):
    """A record, or the records that a relation leads to. Compared with an id, it is the relation itself."""

    __slots__ = ()

    __hash__ = Path.__hash__

    def __eq__(self, other: str | Path | Macro | None) -> Filter:  # type: ignore[override]
        """The record of this id."""
        return comparison(_id(self), "=", other)

    def __ne__(self, other: str | Path | Macro | None) -> Filter:  # type: ignore[override]
        """Not that of this id."""
        return comparison(_id(self), "!=", other)


def _id(path: RecordPath) -> Path:
    # A relation without a value is compared as such; the record of the list itself has only its id.
    return path if path.hf_path else Text(path, "id")


PathT = TypeVar("PathT", bound=Path)
Sortable: TypeAlias = "Path | Sort"


def any_of(path: PathT) -> PathT:
    """The path, where one of many values is enough: `any_of(Post.tags) == "new"`. Without it all have to fit."""
    found = type(path)()
    found.hf_path = path.hf_path
    found.hf_any = True
    return found


def lower(path: Value[str] | Choice[Any] | Json) -> Text:
    """The text in lower case."""
    return _modified(Text(path), ":lower")


def length(path: Path) -> Number:
    """How many values a field with many has."""
    return _modified(Number(path), ":length")


def each(path: Choice[T]) -> Choice[T]:
    """Every value of a field with many, one by one."""
    return _modified(Choice[T](path), ":each")


def _modified(path: PathT, modifier: str) -> PathT:
    path.hf_path += modifier
    return path
