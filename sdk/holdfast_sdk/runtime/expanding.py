"""What was expanded in a record. It is read when somebody asks for it: so is the type that it has."""

from __future__ import annotations

import functools
from typing import Any, Final, TypeVar

import msgspec

from .decoding import read
from .values import Record, field

RecordT = TypeVar("RecordT", bound=Record)
NOTHING: Final = msgspec.Raw(b"{}")


class Related(Record, frozen=True, kw_only=True, dict=True):
    """A record with relations. `hf_expand` is the JSON of what was expanded."""

    hf_expand: msgspec.Raw = field(name="expand", default=NOTHING)


class Expand:
    """The records that belong to one. Where nothing was expanded there are none."""

    def __init__(self, expanded: msgspec.Raw) -> None:
        self._expanded = bytes(expanded)

    def __repr__(self) -> str:
        """By what there is."""
        return f"<{type(self).__name__} {', '.join(self._parts)}>"

    @functools.cached_property
    def _parts(self) -> dict[str, msgspec.Raw]:
        return read(self._expanded, dict[str, msgspec.Raw])

    def _one(self, name: str, kind: type[RecordT]) -> RecordT | None:
        part = self._parts.get(name)
        return None if part is None else read(bytes(part), kind)

    def _many(self, name: str, kind: type[RecordT]) -> list[RecordT]:
        part = self._parts.get(name)
        generic: Any = list
        found: list[RecordT] = [] if part is None else read(bytes(part), generic[kind])
        return found
