"""The use cases of deliveries: look at them, try one again, send a range again, send a test, count."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import EMPTY, Inputs, Sql, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, NotFound, Problem, ValidationFailed
from holdfast.events.event import Event, event_json, read_event
from holdfast.expressions.moment import read_moment, stamp
from holdfast.schema.ids import new_id
from holdfast.webhooks import store
from holdfast.webhooks.event_types import by_id, wrong_pattern
from holdfast.webhooks.router import queue_events
from holdfast.webhooks.selecting import select

STATES: Final[tuple[str, ...]] = ("ready", "leased", "delivered", "dead")
MOST_LISTED: Final = 200
MOST_REPLAYED: Final = 100_000  # events of one call
_BATCH: Final = 1000
TEST: Final = "system.test"
_COLUMNS: Final = raw(
    "d.id, d.seq, d.event_id, d.type, d.replay, d.state, d.attempts, d.status, d.error,"
    " holdfast.stamp(d.next_at) AS next_at, holdfast.stamp(d.created) AS created,"
    " holdfast.stamp(d.finished) AS finished"
)
_ATTEMPTS: Final = Statement.of(
    raw("SELECT holdfast.stamp(a.at) AS at, a.ms, a.status, a.error, a.request::text AS request,")
    + raw(" a.response::text AS response, a.body FROM holdfast.delivery_attempts AS a WHERE a.delivery_id = ")
    + named("id", "bigint")
    + raw(" ORDER BY a.id")
)
_STATS: Final = Statement.of(
    raw("SELECT count(*) FILTER (WHERE d.state < 2) AS waiting, count(*) FILTER (WHERE d.state = 2) AS delivered,")
    + raw(" count(*) FILTER (WHERE d.state = 3) AS dead, coalesce(extract(epoch FROM now() - min(d.created)")
    + raw(" FILTER (WHERE d.state < 2)), 0)::float8 AS oldest FROM holdfast.deliveries AS d WHERE d.webhook_id = ")
    + named("id", "text")
)
_TIMES: Final = Statement.of(
    raw("SELECT count(*) AS attempts, count(*) FILTER (WHERE a.status BETWEEN 200 AND 299) AS succeeded,")
    + raw(" percentile_disc(0.5) WITHIN GROUP (ORDER BY a.ms) AS p50,")
    + raw(" percentile_disc(0.95) WITHIN GROUP (ORDER BY a.ms) AS p95 FROM holdfast.delivery_attempts AS a")
    + raw(" WHERE a.at > now() - interval '1 day' AND a.webhook_id = ")
    + named("id", "text")
)
_RETRY: Final = Statement.of(
    raw("UPDATE holdfast.deliveries AS d SET state = 0, next_at = now(), finished = NULL, attempts = 0")
    + raw(" WHERE d.id = ")
    + named("id", "bigint")
    + raw(" AND d.state <> 1")
)
_RANGE: Final = Statement.of(
    raw("SELECT e.seq, e.id, e.type, e.collection_id, e.collection, e.record_id, e.record, e.previous,")
    + raw(" e.context, e.whole, holdfast.stamp(e.at) AS timestamp FROM holdfast.events AS e WHERE e.seq > ")
    + named("after", "bigint")
    + raw(" AND e.at >= ")
    + named("since", "timestamptz")
    + raw(" AND e.at < ")
    + named("until", "timestamptz")
    + raw(" ORDER BY e.seq LIMIT ")
    + value(_BATCH, "bigint")
)
_MARK: Final = Statement.of(
    raw("UPDATE holdfast.deliveries AS d SET replay = true WHERE d.webhook_id = ")
    + named("webhook", "text")
    + raw(" AND d.id > ")
    + named("after", "bigint")
)
_NEWEST: Final = Statement.of(raw("SELECT coalesce(max(id), 0) AS id FROM holdfast.deliveries"))


async def list_deliveries(engine: Engine, webhook_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of the deliveries of an endpoint, the newest first; `before` is the id to go on from.

    Raises NotFound, and BadRequest for what cannot be asked.
    """
    limit, before, state = _read_list(query)
    where = raw(" WHERE d.webhook_id = ") + value(webhook_id, "text")
    where += EMPTY if before is None else raw(" AND d.id < ") + value(before, "bigint")
    where += EMPTY if state is None else raw(" AND d.state = ") + value(state, "smallint")
    order = raw(" ORDER BY d.id DESC LIMIT ") + value(limit, "bigint")
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await store.get_row(tx, webhook_id)
            rows = await tx.fetch(raw("SELECT ") + _COLUMNS + raw(" FROM holdfast.deliveries AS d") + where + order)
    return {"items": [_delivery(row) for row in rows], "next": str(rows[-1]["id"]) if len(rows) == limit else None}


async def view_delivery(engine: Engine, webhook_id: str, id: str) -> dict[str, Any]:
    """One delivery with its attempts: request, response and time of each. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, webhook_id, id)
            attempts = await tx.fetch(_ATTEMPTS, Inputs(named={"id": row["id"]}))
    return {**_delivery(row), "tries": [_attempt(one) for one in attempts]}


async def retry_delivery(engine: Engine, webhook_id: str, id: str) -> dict[str, Any]:
    """Have a delivery sent again at once, with all its tries before it.

    Raises NotFound, and BadRequest while it is out.
    """
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, webhook_id, id)
            done = await tx.execute(_RETRY, Inputs(named={"id": row["id"]}))
            if done.endswith(" 0"):
                raise BadRequest("This delivery is being sent just now.")
            return _delivery(await _get(tx, webhook_id, id))


async def replay(engine: Engine, webhook_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Send the events of a time again, as far as they are in the log: those of `events`, else all that it gets.

    Each keeps its `webhook-id`. Raises NotFound, ValidationFailed, and BadRequest for more than MOST_REPLAYED.
    """
    since, until, patterns = _read_range(engine, body)
    count = 0
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await store.get_row(tx, webhook_id, locked=True)
            endpoint = store.endpoint_of(engine, row)
            if patterns:
                endpoint = msgspec.structs.replace(
                    endpoint, draft=msgspec.structs.replace(endpoint.draft, events=patterns)
                )
            newest = await tx.fetchrow(_NEWEST)
            after = 0
            while True:
                inputs = Inputs(named={"after": after, "since": since, "until": until})
                events = [read_event(dict(found)) for found in await tx.fetch(_RANGE, inputs)]
                if not events:
                    break
                after = events[-1].seq
                wanted = await select(engine, endpoint, "", events)
                count += len(wanted)
                if count > MOST_REPLAYED:
                    raise BadRequest(f"These are more than {MOST_REPLAYED:,} events: ask for a shorter time.")
                await queue_events(tx, webhook_id, wanted)
            mark = {"webhook": webhook_id, "after": 0 if newest is None else newest["id"]}
            await tx.execute(_MARK, Inputs(named=mark))
    return {"queued": count}


async def send_test(engine: Engine, webhook_id: str) -> dict[str, Any]:
    """Have a test event sent: signed like any other, and listed among the deliveries. Raises NotFound."""
    event = Event(
        id=f"evt_test_{new_id()}",
        seq=0,
        type=TEST,
        timestamp=stamp(datetime.now(UTC)),
        record=msgspec.Raw(b'{"message":"This is a test."}'),
    )
    insert = raw("INSERT INTO holdfast.deliveries (webhook_id, event_id, type, body) VALUES (")
    insert += value(webhook_id, "text") + raw(", ") + value(event.id, "text") + raw(", ") + value(TEST, "text")
    insert += raw(", ") + value(event_json(event).decode(), "text") + raw(") RETURNING id")
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await store.get_row(tx, webhook_id)
            row = await tx.fetchrow(insert)
            return _delivery(await _get(tx, webhook_id, str(row["id"] if row else 0)))


async def stats(engine: Engine, webhook_id: str) -> dict[str, Any]:
    """How an endpoint is doing: deliveries by state, and attempts of the last day. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            endpoint = store.endpoint_json(engine.catalog, await store.get_row(tx, webhook_id))
            counts = await tx.fetchrow(_STATS, Inputs(named={"id": webhook_id}))
            times = await tx.fetchrow(_TIMES, Inputs(named={"id": webhook_id}))
    return (
        {
            "circuit": endpoint["circuit"],
            "disabled": endpoint["disabled"],
            **{name: counts[name] for name in ("waiting", "delivered", "dead")},
            "oldestSeconds": round(counts["oldest"], 3),
            "day": {name: times[name] for name in ("attempts", "succeeded", "p50", "p95")},
        }
        if counts is not None and times is not None
        else {}
    )


def _read_list(query: Mapping[str, str]) -> tuple[int, int | None, int | None]:
    problems: dict[str, Problem] = {}
    limit, before, state = query.get("limit", "50"), query.get("before", ""), query.get("state", "")
    if not limit.isdecimal() or not 1 <= int(limit[:9]) <= MOST_LISTED:
        problems["limit"] = Problem("validation_out_of_range", f"Must be a whole number from 1 to {MOST_LISTED}.")
    if before and (not before.isdecimal() or len(before) > 18):
        problems["before"] = Problem("validation_invalid_value", "Must be the `next` of another answer.")
    if state and state not in STATES:
        problems["state"] = Problem("validation_invalid_value", f"Must be one of {', '.join(STATES)}.")
    if problems:
        raise BadRequest("Some parameters cannot be used: see data.", data=problems)
    return int(limit), int(before) if before else None, STATES.index(state) if state else None


def _read_range(engine: Engine, body: Mapping[str, Any]) -> tuple[datetime, datetime, tuple[str, ...]]:
    problems: dict[str, Problem] = {}
    moments: list[datetime] = []
    for name in ("from", "to"):
        given = body.get(name, "")
        found = read_moment(given) if isinstance(given, str) else None
        if found is None and not (name == "to" and given == ""):
            problems[name] = Problem("validation_invalid_date", "Must be a date such as 2026-11-21 12:00:00Z.")
        moments.append(found or datetime.now(UTC))
    catalog = engine.catalog
    try:
        patterns = msgspec.convert(body.get("events") or [], list[str])
    except msgspec.ValidationError:
        patterns = [""]
    for pattern in patterns:
        wrong = wrong_pattern(pattern, [one.name for one in catalog.collections], ())
        if wrong is not None:
            problems["events"] = Problem("validation_invalid_value", wrong)
    if problems:
        raise ValidationFailed(problems)
    ids = {one.name: one.id for one in catalog.collections}
    return moments[0], moments[1], by_id(patterns, ids)


async def _get(tx: Transaction, webhook_id: str, id: str) -> Row:
    number = int(id) if id.isdecimal() and len(id) <= 18 else 0
    where: Sql = (
        raw(" WHERE d.webhook_id = ") + value(webhook_id, "text") + raw(" AND d.id = ") + value(number, "bigint")
    )
    row = await tx.fetchrow(raw("SELECT ") + _COLUMNS + raw(" FROM holdfast.deliveries AS d") + where)
    if row is None:
        raise NotFound("There is no delivery of that id.")
    return row


def _delivery(row: Row) -> dict[str, Any]:
    state = STATES[int(row["state"])]
    return {
        "id": str(row["id"]),
        "eventId": row["event_id"],
        "seq": row["seq"],
        "type": row["type"],
        "state": state,
        "attempts": row["attempts"],
        "replay": row["replay"],
        "status": row["status"],
        "error": row["error"],
        "nextAt": row["next_at"] if state == "ready" else None,
        "created": row["created"],
        "finished": row["finished"],
    }


def _attempt(row: Row) -> dict[str, Any]:
    answered = row["status"] is not None
    response = {"status": row["status"], "headers": msgspec.json.decode(row["response"]), "body": row["body"]}
    return {
        "at": row["at"],
        "ms": row["ms"],
        "error": row["error"],
        "request": msgspec.json.decode(row["request"]),
        "response": response if answered else None,
    }
