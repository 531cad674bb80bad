"""The use cases of deliveries: look at them, try one again, cancel one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from holdfast.audit.actions import Action
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import EMPTY, Inputs, Sql, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, NotFound
from holdfast.events.event import read_event
from holdfast.webhooks import store
from holdfast.webhooks.audited import KIND
from holdfast.webhooks.delivery_query import STATES, DeliveryQuery, read_number
from holdfast.webhooks.payload import payload

CANCELLED: Final = "Somebody has cancelled it."
COLUMNS: Final = raw(
    "d.id, d.webhook_id, d.seq, d.event_id, d.type, d.subject, d.replay, d.state, d.attempts, d.status, d.error,"
    " holdfast.stamp(d.next_at) AS next_at, holdfast.stamp(d.created) AS created,"
    " holdfast.stamp(d.finished) AS finished"
)
_FROM: Final = raw("SELECT ") + COLUMNS + raw(" FROM holdfast.deliveries AS d WHERE true")
_ATTEMPTS: Final = Statement.of(
    raw("SELECT holdfast.stamp(a.at) AS at, a.ms, a.status, a.error, a.request::text AS request,")
    + raw(" a.response::text AS response, a.body FROM holdfast.delivery_attempts AS a WHERE a.delivery_id = ")
    + named("id", "bigint")
    + raw(" ORDER BY a.id")
)
_SENT: Final = Statement.of(
    raw("SELECT d.body, event.seq, event.id, event.type, event.collection_id, event.collection, event.record_id,")
    + raw(" event.record, event.previous, event.context, event.whole, holdfast.stamp(event.at) AS timestamp")
    + raw(" FROM holdfast.deliveries AS d LEFT JOIN holdfast.events AS event ON event.seq = d.seq WHERE d.id = ")
    + named("id", "bigint")
)
_RETRY: Final = Statement.of(
    raw("UPDATE holdfast.deliveries AS d SET state = 0, next_at = now(), finished = NULL, attempts = 0")
    + raw(" WHERE d.id = ")
    + named("id", "bigint")
    + raw(" AND d.state <> 1")
)
_CANCEL: Final = Statement.of(
    raw("UPDATE holdfast.deliveries AS d SET state = 3, finished = now(), error = ")
    + value(CANCELLED, "text")
    + raw(" WHERE d.state = 0 AND d.id = ")
    + named("id", "bigint")
)


async def list_all_deliveries(engine: Engine, query: DeliveryQuery) -> dict[str, Any]:
    """A page of the deliveries of all endpoints, the newest first; `next` is what to go on from."""
    with as_api_errors():
        return _page(await engine.pool.fetch(Statement.of(_listed(engine, query))), query.limit)


async def list_deliveries(engine: Engine, webhook_id: str, query: DeliveryQuery) -> dict[str, Any]:
    """The same of one endpoint. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await store.get_row(tx, webhook_id)
            of = raw(" AND d.webhook_id = ") + value(webhook_id, "text")
            return _page(await tx.fetch(_listed(engine, query, of)), query.limit)


async def view_delivery(engine: Engine, webhook_id: str, id: str) -> dict[str, Any]:
    """One delivery with its attempts, and the body that is sent. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await get_delivery(tx, webhook_id, id)
            given = Inputs(named={"id": row["id"]})
            attempts = await tx.fetch(_ATTEMPTS, given)
            sent = await tx.fetchrow(_SENT, given)
            endpoint = await store.get_row(tx, webhook_id)
    body = None if sent is None else _body(engine, endpoint, sent)
    return {**delivery_json(row), "body": body, "tries": [_attempt(one) for one in attempts]}


async def retry_delivery(engine: Engine, author: Author, webhook_id: str, id: str) -> dict[str, Any]:
    """Have a delivery sent again at once, with all its tries before it.

    Raises NotFound, and BadRequest while it is out.
    """
    refusal = "This delivery is being sent just now."
    return await _change(engine, author, webhook_id, id, _RETRY, "webhook.delivery_retried", refusal)


async def cancel_delivery(engine: Engine, author: Author, webhook_id: str, id: str) -> dict[str, Any]:
    """Have a delivery that waits sent no more; it is dead then, and can be retried.

    Raises NotFound, and BadRequest for one that does not wait.
    """
    refusal = "Only a delivery that waits can be cancelled."
    return await _change(engine, author, webhook_id, id, _CANCEL, "webhook.delivery_cancelled", refusal)


async def _change(
    engine: Engine, author: Author, webhook_id: str, id: str, change: Statement, action: Action, refusal: str
) -> dict[str, Any]:
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await get_delivery(tx, webhook_id, id)
            done = await tx.execute(change, Inputs(named={"id": row["id"]}))
            if done.endswith(" 0"):
                raise BadRequest(refusal)
            url = (await store.get_row(tx, webhook_id))["url"]
            details = {"delivery": str(row["id"]), "event": row["event_id"]}
            await write(tx, author, Entry(action=action, target=Target(KIND, webhook_id, url), details=details))
            return delivery_json(await get_delivery(tx, webhook_id, id))


async def get_delivery(tx: Transaction, webhook_id: str, id: str) -> Row:
    """One delivery of an endpoint. Raises NotFound."""
    where = raw(" AND d.webhook_id = ") + value(webhook_id, "text")
    where += raw(" AND d.id = ") + value(read_number(id) or 0, "bigint")
    row = await tx.fetchrow(_FROM + where)
    if row is None:
        raise NotFound("There is no delivery of that id.")
    return row


def delivery_json(row: Row) -> dict[str, Any]:
    """A delivery as the API writes it."""
    state = STATES[int(row["state"])]
    return {
        "id": str(row["id"]),
        "webhookId": row["webhook_id"],
        "eventId": row["event_id"],
        "seq": row["seq"],
        "type": row["type"],
        "recordId": row["subject"].rpartition("/")[2],
        "state": state,
        "attempts": row["attempts"],
        "replay": row["replay"],
        "status": row["status"],
        "error": row["error"],
        "nextAt": row["next_at"] if state == "ready" else None,
        "created": row["created"],
        "finished": row["finished"],
    }


def _listed(engine: Engine, query: DeliveryQuery, of: Sql = EMPTY) -> Sql:
    return _FROM + of + _where(engine, query) + raw(" ORDER BY d.id DESC LIMIT ") + value(query.limit, "bigint")


def _where(engine: Engine, query: DeliveryQuery) -> Sql:
    where = EMPTY if query.before is None else raw(" AND d.id < ") + value(query.before, "bigint")
    where += EMPTY if query.state is None else raw(" AND d.state = ") + value(query.state, "smallint")
    where += EMPTY if query.status is None else raw(" AND d.status = ") + value(query.status, "integer")
    where += EMPTY if query.since is None else raw(" AND d.created >= ") + value(query.since, "timestamptz")
    where += EMPTY if query.until is None else raw(" AND d.created < ") + value(query.until, "timestamptz")
    where += EMPTY if not query.event else raw(" AND d.event_id = ") + value(query.event, "text")
    where += EMPTY if not query.type else _of_type(query.type)
    if query.record:
        subjects = [f"{one.id}/{query.record}" for one in engine.catalog.collections]
        where += raw(" AND d.subject = ANY (") + value(subjects, "text[]") + raw(")")
    return where


def _of_type(type: str) -> Sql:
    if type.endswith(".*"):
        return raw(" AND starts_with(d.type, ") + value(type[:-1], "text") + raw(")")
    return raw(" AND d.type = ") + value(type, "text")


def _page(rows: Sequence[Row], limit: int) -> dict[str, Any]:
    following = str(rows[-1]["id"]) if len(rows) == limit else None
    return {"items": [delivery_json(row) for row in rows], "next": following}


def _body(engine: Engine, endpoint: Row, sent: Row) -> str | None:
    """What a try sends now; None if the log does not have the event any more."""
    if sent["body"] is not None or sent["seq"] is None:
        return sent["body"]
    return payload(engine.catalog, store.draft_of(endpoint), read_event(dict(sent))).decode()


def _attempt(row: Row) -> Mapping[str, Any]:
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
