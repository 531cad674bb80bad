"""An event of the log, as a value and as the API writes it."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast.events.context import NO_CONTEXT, Actor, read_context

Action: TypeAlias = Literal["create", "update", "delete", "truncate", ""]
"""What happened to a record, in the words of rules and of realtime; empty for an event about something else."""

ACTIONS: Final[Mapping[str, Action]] = {
    "created": "create",
    "updated": "update",
    "deleted": "delete",
    "truncated": "truncate",
}
NOTHING: Final = msgspec.Raw(b"null")


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One event.

    `record` is the record as JSON, after the change (a deleted one: as it was), as a superuser reads it but without
    hidden fields; null where there is none. `changed` and `previous` name what an update has changed, and say what
    was there before. Of a record that is too large for the log (not `whole`) both hold but its id, and no values.
    `actor` and `request` say who and in which request; a change by SQL has neither. `hops` counts the webhooks that
    led to it. The timestamp is that of the change; `seq` has the order. `audience` is who may hear of an event of a
    plugin; others have none.
    """

    id: str
    seq: int
    type: str
    timestamp: str
    collection_id: str = ""
    collection: str = ""
    record_id: str = ""
    record: msgspec.Raw = NOTHING
    changed: tuple[str, ...] = ()
    previous: msgspec.Raw = NOTHING
    actor: Actor | None = None
    request: str = ""
    hops: int = 0
    whole: bool = True
    audience: str = ""

    @property
    def action(self) -> Action:
        """What happened to the record of a collection."""
        return ACTIONS.get(self.type.rpartition(".")[2], "") if self.collection_id else ""


class _Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The keys of API.md, in their order."""

    id: str
    seq: int
    type: str
    timestamp: str
    collection: str = ""
    record: msgspec.Raw
    changed: tuple[str, ...] | None = None
    previous: msgspec.Raw | None = None
    actor: Actor | None = None
    request: str = ""
    whole: bool = True


def event_json(event: Event) -> bytes:
    """The event as the API writes it. What an event of its sort never has is left out."""
    updated = event.action == "update"
    return msgspec.json.encode(
        _Shown(
            id=event.id,
            seq=event.seq,
            type=event.type,
            timestamp=event.timestamp,
            collection=event.collection,
            record=event.record,
            changed=event.changed if updated else None,
            previous=event.previous if updated else None,
            actor=event.actor,
            request=event.request,
            whole=event.whole,
        )
    )


def read_event(row: Mapping[str, Any]) -> Event:
    """The event of a row of the log, as `Feed` selects it."""
    context = NO_CONTEXT if row["context"] is None else read_context(row["context"])
    collection_id, collection = row["collection_id"] or "", row["collection"] or ""
    record, previous = row["record"], row["previous"]
    return Event(
        id=f"evt_{row['id'].hex}",
        seq=row["seq"],
        type=row["type"],
        timestamp=row["timestamp"],
        collection_id=collection_id,
        collection=collection,
        record_id=row["record_id"] or "",
        record=_record(record, collection_id, collection),
        changed=_names(previous),
        previous=_object(previous),
        actor=context.actor,
        request=context.request,
        hops=context.hops,
        audience=context.audience,
        whole=row["whole"],
    )


def _record(text: str | None, collection_id: str, collection: str) -> msgspec.Raw:
    """The record with the two keys that say where it is from, which the log does not repeat in each row."""
    found = _object(text)
    if not collection_id or found is NOTHING:
        return found
    head = msgspec.json.encode({"collectionId": collection_id, "collectionName": collection})
    rest = bytes(found)[1:]
    return msgspec.Raw(head[:-1] + rest if rest == b"}" else head[:-1] + b"," + rest)


def _object(text: str | None) -> msgspec.Raw:
    """A JSON object. Nothing for what is none: then it was put into the outbox by hand."""
    if text is None or not text.startswith("{"):
        return NOTHING
    try:
        return msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return NOTHING


def _names(previous: str | None) -> tuple[str, ...]:
    found = _object(previous)
    return () if found is NOTHING else tuple(msgspec.json.decode(found, type=dict[str, msgspec.Raw]))
