"""What is sent of an event: the JSON of API.md, with the fields that the endpoint may have and wants. Pure."""

from collections.abc import Mapping

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.events.event import NOTHING, Event, event_json
from holdfast.rules.access import ways_in
from holdfast.schema.collection import Collection
from holdfast.webhooks.endpoint import EndpointDraft

_ALWAYS = ("id", "collectionId", "collectionName")
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def payload(catalog: Catalog, draft: EndpointDraft, event: Event) -> bytes:
    """The body for an endpoint: the same for each try, as long as neither it nor the collection is changed."""
    collection = catalog.by_id.get(event.collection_id)
    if not event.collection_id or (collection is not None and _is_whole(draft)):
        return event_json(event)
    names = frozenset(_ALWAYS if collection is None else shown(catalog, collection, draft))
    if collection is not None and collection.is_auth and draft.role:
        names -= _personal(event.record)
    return event_json(
        msgspec.structs.replace(
            event,
            record=_picked(event.record, names),
            changed=tuple(name for name in event.changed if name in names),
            previous=_picked(event.previous, names),
        )
    )


def shown(catalog: Catalog, collection: Collection, draft: EndpointDraft) -> tuple[str, ...]:
    """The keys of a record that an endpoint gets.

    Those that its role may read in every record; those that it wants, if it has said so; and those that say which
    record it is.
    """
    ways = ways_in(catalog, collection, "view", draft.who)
    readable = (field.name for field in collection.fields if ways.everything or ways.reading(field) == ("",))
    return (*_ALWAYS, *(name for name in readable if not draft.fields or name in draft.fields))


def _personal(record: msgspec.Raw) -> frozenset[str]:
    """What of a person's record is for themselves and for superusers: their roles, and an email they do not show."""
    shows = record != NOTHING and _decode(record).get("emailVisibility") == msgspec.Raw(b"true")
    return frozenset(("roles",) if shows else ("roles", "email"))


def _is_whole(draft: EndpointDraft) -> bool:
    return not draft.role and not draft.fields


def _picked(record: msgspec.Raw, names: frozenset[str]) -> msgspec.Raw:
    if bytes(record) == bytes(NOTHING):
        return record
    kept: Mapping[str, msgspec.Raw] = {name: part for name, part in _decode(record).items() if name in names}
    return msgspec.Raw(msgspec.json.encode(kept))
