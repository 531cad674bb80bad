"""The use cases of deliveries: look at them, try one again, send a test, count."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import EMPTY, Inputs, Sql, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, NotFound, Problem
from holdfast.events.event import Event, event_json
from holdfast.expressions.moment import stamp
from holdfast.schema.ids import new_id
from holdfast.webhooks import store
from holdfast.webhooks.audited import KIND

STATES: Final[tuple[str, ...]] = ("ready", "leased", "delivered", "dead")
MOST_LISTED: Final = 200
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
    raw("SELECT count(*) AS attempts,")
    + raw(" count(*) FILTER (WHERE a.status BETWEEN 200 AND 299 AND a.error = '') AS succeeded,")
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


async def retry_delivery(engine: Engine, author: Author, webhook_id: str, id: str) -> dict[str, Any]:
    """Have a delivery sent again at once, with all its tries before it.

    Raises NotFound, and BadRequest while it is out.
    """
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, webhook_id, id)
            done = await tx.execute(_RETRY, Inputs(named={"id": row["id"]}))
            if done.endswith(" 0"):
                raise BadRequest("This delivery is being sent just now.")
            url = (await store.get_row(tx, webhook_id))["url"]
            details = {"delivery": str(row["id"]), "event": row["event_id"]}
            entry = Entry(action="webhook.delivery_retried", target=Target(KIND, webhook_id, url), details=details)
            await write(tx, author, entry)
            return _delivery(await _get(tx, webhook_id, id))


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
            endpoint = store.endpoint_json(engine, await store.get_row(tx, webhook_id))
            counts = await tx.fetchrow(_STATS, Inputs(named={"id": webhook_id}))
            times = await tx.fetchrow(_TIMES, Inputs(named={"id": webhook_id}))
    return (
        {
            "circuit": endpoint["circuit"],
            "disabled": endpoint["disabled"],
            "error": endpoint["error"],
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
    response = None
    if row["response"] is not None:
        response = {"status": row["status"], "headers": msgspec.json.decode(row["response"]), "body": row["body"]}
    return {
        "at": row["at"],
        "ms": row["ms"],
        "error": row["error"],
        "request": msgspec.json.decode(row["request"]),
        "response": response,
    }
