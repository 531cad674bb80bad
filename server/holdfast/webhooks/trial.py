"""An endpoint is tried: a test event, or one like the newest of a type that it gets."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.events.event import Event, event_json, read_event
from holdfast.expressions.moment import stamp
from holdfast.schema.ids import new_id
from holdfast.webhooks import store
from holdfast.webhooks.delivery_service import delivery_json, get_delivery
from holdfast.webhooks.endpoint import Endpoint
from holdfast.webhooks.endpoint_reading import UNKNOWN
from holdfast.webhooks.event_types import by_id, matches
from holdfast.webhooks.payload import payload
from holdfast.webhooks.selecting import barred_by_now

TEST: Final = "system.test"
PREFIX: Final = "evt_test_"
LOOKED_AT: Final = 10_000  # events of the log, the newest
_NEWEST: Final = Statement.of(
    raw("SELECT e.seq, e.id, e.type, e.collection_id, e.collection, e.record_id, e.record, e.previous,")
    + raw(" e.context, e.whole, holdfast.stamp(e.at) AS timestamp FROM holdfast.events AS e WHERE e.seq > ")
    + raw("(SELECT stream.seq FROM holdfast.stream) - ")
    + value(LOOKED_AT, "bigint")
    + raw(" AND CASE WHEN e.collection_id IS NULL THEN e.type ELSE e.collection_id || '.' ||")
    + raw(" reverse(split_part(reverse(e.type), '.', 1)) END = ")
    + named("key", "text")
    + raw(" ORDER BY e.seq DESC LIMIT 1")
)


async def send_test(engine: Engine, webhook_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Have a test event sent, signed like any other; with `type`, one with the record of the newest of that type.

    Raises NotFound, also where there is no such event, and ValidationFailed for a type that the endpoint does not get.
    """
    type = _type(body)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            endpoint = store.endpoint_of(engine, await store.get_row(tx, webhook_id))
        text = _plain() if not type or type == TEST else await _like(engine, endpoint, type)
        async with engine.pool.transaction() as tx:
            await store.get_row(tx, webhook_id)
            return await queue_test(tx, webhook_id, type or TEST, text)


def _type(body: Mapping[str, Any]) -> str:
    unknown = body.keys() - {"type"}
    if unknown:
        raise ValidationFailed({key: UNKNOWN for key in unknown})
    given = body.get("type", "")
    if not isinstance(given, str):
        raise ValidationFailed({"type": Problem("validation_invalid_value", "Must be the type of an event.")})
    return given


def _plain() -> bytes:
    record = msgspec.Raw(b'{"message":"This is a test."}')
    return event_json(Event(id=new_test_id(), seq=0, type=TEST, timestamp=stamp(datetime.now(UTC)), record=record))


async def _like(engine: Engine, endpoint: Endpoint, type: str) -> bytes:
    """What the endpoint would get of the newest event of the type, under the id of a test."""
    (key,) = by_id([type], {one.name: one.id for one in engine.catalog.collections})
    if not matches(endpoint.draft.events, key):
        message = "This webhook does not get events of this type."
        raise ValidationFailed({"type": Problem("validation_invalid_value", message)})
    row = await engine.pool.fetchrow(_NEWEST, Inputs(named={"key": key}))
    if row is None:
        raise NotFound(f"There is no such event among the last {LOOKED_AT:,}: make one, or send a plain test.")
    event = read_event(dict(row))
    if await _barred(engine, endpoint, [event]):
        raise NotFound("The role of this webhook may not see the record of the newest event of this type.")
    return payload(engine.catalog, endpoint.draft, msgspec.structs.replace(event, id=new_test_id()))


async def _barred(engine: Engine, endpoint: Endpoint, events: Sequence[Event]) -> bool:
    return bool(await barred_by_now(engine, endpoint, events))


async def queue_test(tx: Transaction, webhook_id: str, type: str, text: bytes) -> dict[str, Any]:
    """Have a test sent; its delivery."""
    id: str = msgspec.json.decode(text)["id"]
    insert = raw("INSERT INTO holdfast.deliveries (webhook_id, event_id, type, body) VALUES (")
    insert += value(webhook_id, "text") + raw(", ") + value(id, "text") + raw(", ") + value(type, "text")
    insert += raw(", ") + value(text.decode(), "text") + raw(") RETURNING id")
    row = await tx.fetchrow(insert)
    return delivery_json(await get_delivery(tx, webhook_id, str(row["id"] if row else 0)))


def new_test_id() -> str:
    """An id that says that it is a test."""
    return PREFIX + new_id()
