"""An endpoint is tried with records that somebody has chosen: what it would get if each of them changed now."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.events.capture import as_logged, is_captured
from holdfast.events.event import NOTHING, Event
from holdfast.events.relay import MOST_BYTES
from holdfast.expressions.moment import stamp
from holdfast.schema.collection import Collection
from holdfast.webhooks import store
from holdfast.webhooks.endpoint import Endpoint
from holdfast.webhooks.endpoint_reading import UNKNOWN
from holdfast.webhooks.event_types import by_id, matches
from holdfast.webhooks.payload import payload
from holdfast.webhooks.selecting import barred_by_now, select
from holdfast.webhooks.trial import new_test_id, queue_test

MOST_RECORDS: Final = 20
CHANGES: Final = ("updated", "created", "deleted")
"""In this order the first that the endpoint gets is what is sent, unless one is asked for."""
GONE: Final = "It is not there any more."
BARRED: Final = "The role of this webhook may not see it."
UNWANTED: Final = "The filter of this webhook does not find it."
_KEYS: Final = frozenset(("collection", "ids", "type"))
_IDS: Final = Problem("validation_invalid_value", f"Has to be a list of 1 to {MOST_RECORDS} ids.")
_NO_EVENTS: Final = Problem("validation_invalid_value", "There is no such collection, or it has no events.")
_NOT_ASKED: Final = Problem("validation_invalid_value", "This webhook does not get events of this type.")


class _Asked(msgspec.Struct, frozen=True):
    collection: Collection
    ids: tuple[str, ...]
    type: str


async def send_records(engine: Engine, webhook_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Have tests sent with records, as they are now, of the fields that the endpoint gets.

    Of each record there is a delivery, or why there is none. Raises NotFound, and ValidationFailed for what the
    endpoint would never get.
    """
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            endpoint = store.endpoint_of(engine, await store.get_row(tx, webhook_id))
        asked = _read(engine, endpoint, body)
        events = await _events(engine, asked)
        why = await _left_out(engine, endpoint, list(events.values()))
        items: list[dict[str, Any]] = []
        async with engine.pool.transaction() as tx:
            await store.get_row(tx, webhook_id)
            for id in asked.ids:
                event = events.get(id)
                reason = GONE if event is None else why.get(event.seq, "")
                sent = None
                if event is not None and not reason:
                    text = payload(engine.catalog, endpoint.draft, msgspec.structs.replace(event, seq=0))
                    sent = await queue_test(tx, webhook_id, asked.type, text)
                items.append({"record": id, "reason": reason, "delivery": sent})
    return {"type": asked.type, "items": items}


def _read(engine: Engine, endpoint: Endpoint, body: Mapping[str, Any]) -> _Asked:
    """What is asked for. Raises ValidationFailed with all that is wrong."""
    problems = dict.fromkeys(body.keys() - _KEYS, UNKNOWN)
    name, ids = body.get("collection"), _ids(body.get("ids"))
    collection = engine.catalog.find(name) if isinstance(name, str) else None
    if not ids:
        problems["ids"] = _IDS
    if collection is None or not is_captured(collection):
        raise ValidationFailed({**problems, "collection": _NO_EVENTS})
    type = _type(endpoint, collection, body.get("type"))
    if not type:
        problems["type" if body.get("type") else "collection"] = _NOT_ASKED
    if problems:
        raise ValidationFailed(problems)
    return _Asked(collection, ids, type)


def _ids(given: object) -> tuple[str, ...]:
    """None where it is no list of so many ids."""
    found = cast("list[object]", given) if isinstance(given, list) else []
    texts = tuple(dict.fromkeys(one for one in found if isinstance(one, str) and "\0" not in one))
    return texts if len(found) <= MOST_RECORDS and all(isinstance(one, str) for one in found) else ()


def _type(endpoint: Endpoint, collection: Collection, given: object) -> str:
    """The type of the events; empty if the endpoint gets none such."""
    types = [f"{collection.name}.{change}" for change in CHANGES]
    ids = {collection.name: collection.id}
    wanted = [one for one, key in zip(types, by_id(types, ids), strict=True) if matches(endpoint.draft.events, key)]
    if given is None:
        return next(iter(wanted), "")
    return given if isinstance(given, str) and given in wanted else ""


async def _events(engine: Engine, asked: _Asked) -> dict[str, Event]:
    """What the log would have of the records, by their ids; their numbers tell them apart and are in no log."""
    collection, row = asked.collection, raw("record")
    sql = raw("SELECT record.id, ") + as_logged(collection, row) + raw(" AS logged FROM ")
    sql += qualified("public", collection.name) + raw(" AS record WHERE record.id = ANY (") + named("ids", "text[]")
    rows = await engine.pool.fetch(Statement.of(sql + raw(")")), Inputs(named={"ids": list(asked.ids)}))
    return {row["id"]: _event(asked, number, row["id"], row["logged"]) for number, row in enumerate(rows, 1)}


def _event(asked: _Asked, seq: int, id: str, logged: str) -> Event:
    collection = asked.collection
    whole = len(logged.encode()) <= MOST_BYTES
    record = msgspec.json.decode(logged, type=dict[str, msgspec.Raw]) if whole else {"id": id}
    place = {"collectionId": collection.id, "collectionName": collection.name}
    return Event(
        id=new_test_id(),
        seq=seq,
        type=asked.type,
        timestamp=stamp(datetime.now(UTC)),
        collection_id=collection.id,
        collection=collection.name,
        record_id=id,
        record=msgspec.Raw(msgspec.json.encode({**place, **record})),
        previous=msgspec.Raw(b"{}") if asked.type.endswith(".updated") else NOTHING,
        whole=whole,
    )


async def _left_out(engine: Engine, endpoint: Endpoint, events: Sequence[Event]) -> dict[int, str]:
    """Why the endpoint would not get some of them, by their numbers."""
    wanted = {event.seq for event in await select(engine, endpoint, "", events)}
    barred = await barred_by_now(engine, endpoint, events)
    return {one.seq: BARRED if one.seq in barred else UNWANTED for one in events if one.seq not in wanted}
