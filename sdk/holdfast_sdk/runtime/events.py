"""Events of webhooks with the record as it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from .answers import Actor
from .decoding import read
from .values import Record

RecordT = TypeVar("RecordT", bound=Record)
ACTIONS: Final = ("created", "updated", "deleted")


class RecordEvent(msgspec.Struct, Generic[RecordT], frozen=True, kw_only=True):
    """A record was made, changed or deleted. `id` is the same on every try, and `seq` its place in the log.

    `record` is as it was after the change; a deleted one as it was. `previous` has what the `changed` fields were.
    """

    id: str
    type: str
    collection: str
    record: RecordT
    timestamp: str = ""
    seq: int = 0
    changed: list[str] = []
    previous: dict[str, Any] = {}
    actor: Actor | None = None

    @property
    def action(self) -> Literal["created", "updated", "deleted"]:
        """What was done."""
        last: Any = self.type.rpartition(".")[2]
        action: Literal["created", "updated", "deleted"] = last
        return action


class OtherEvent(msgspec.Struct, frozen=True):
    """An event that is not about a record of a collection that this package knows: a login, a plugin's own."""

    id: str
    type: str
    data: dict[str, Any]


class _Kind(msgspec.Struct, frozen=True):
    id: str = ""
    type: str = ""


def read_record_event(body: bytes, kinds: Mapping[str, str], models: ModuleType) -> Any:
    """The event of a body that was verified: by its collection of one of these kinds, in `models`, or another one."""
    kind = msgspec.json.decode(body, type=_Kind)
    collection, _, action = kind.type.rpartition(".")
    found = kinds.get(collection) if action in ACTIONS else None
    if found is None:
        return OtherEvent(kind.id, kind.type, msgspec.json.decode(body, type=dict[str, Any]))
    return read(body, getattr(models, found))
