"""What is sent of an event: the JSON of API.md, with the fields that the endpoint may have and wants. Pure."""

from collections.abc import Mapping

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.events.event import NOTHING, Event, event_json
from holdfast.rules.access import ways_in
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.webhooks.endpoint import EndpointDraft

_ALWAYS = ("id", "collectionId", "collectionName")
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def payload(catalog: Catalog, draft: EndpointDraft, event: Event) -> bytes:
    """The body for an endpoint: the same for each try, as long as neither it nor the collection is changed."""
    names = _names(catalog, draft, event)
    if names is None:
        return event_json(event)
    return event_json(
        msgspec.structs.replace(
            event,
            record=_picked(event.record, names),
            changed=tuple(name for name in event.changed if name in names),
            previous=_picked(event.previous, names),
        )
    )


def _names(catalog: Catalog, draft: EndpointDraft, event: Event) -> frozenset[str] | None:
    """The keys of the event's record that are sent; None if all are."""
    collection = catalog.by_id.get(event.collection_id)
    if collection is None:  # it is about something else, or the collection was deleted since
        if not event.collection_id or (not draft.role and not draft.fields):
            return None
        return frozenset(_ALWAYS if draft.role else (*_ALWAYS, *draft.fields))
    if not draft.role and not draft.fields and not _has_hidden(collection, event):
        return None
    names = frozenset(shown(catalog, collection, draft))
    return names - _personal(event.record) if collection.is_auth and draft.role else names


def _has_hidden(collection: Collection, event: Event) -> bool:
    """Whether a field was hidden after the event: the log does not take those that are."""
    hidden = [msgspec.json.encode(field.name) for field in collection.fields if _is_closed(collection, field)]
    return any(name in bytes(event.record) or name in bytes(event.previous) for name in hidden)


def _is_closed(collection: Collection, field: Field) -> bool:
    return field.hidden or collection.is_secret(field)


def shown(catalog: Catalog, collection: Collection, draft: EndpointDraft) -> tuple[str, ...]:
    """The keys of a record that an endpoint gets.

    Those that its role may read in every record; those that it wants, if it has said so; and those that say which
    record it is.
    """
    ways = ways_in(catalog, collection, "view", draft.who)
    open_fields = (field for field in collection.fields if not _is_closed(collection, field))
    readable = (field.name for field in open_fields if ways.everything or ways.reading(field) == ("",))
    return (*_ALWAYS, *(name for name in readable if not draft.fields or name in draft.fields))


def _personal(record: msgspec.Raw) -> frozenset[str]:
    """What of a person's record is for themselves and for superusers: their roles, and an email they do not show."""
    shows = record != NOTHING and _decode(record).get("emailVisibility") == msgspec.Raw(b"true")
    return frozenset(("roles",) if shows else ("roles", "email"))


def _picked(record: msgspec.Raw, names: frozenset[str]) -> msgspec.Raw:
    if bytes(record) == bytes(NOTHING):
        return record
    kept: Mapping[str, msgspec.Raw] = {name: part for name, part in _decode(record).items() if name in names}
    return msgspec.Raw(msgspec.json.encode(kept))
