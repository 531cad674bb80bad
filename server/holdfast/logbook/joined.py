"""All that is known of one request: its lines, what it wrote into the audit log, its events, deliveries and jobs.

The tables have no index by request, which every write would pay for. So lines say when the request was, and the rest
is looked for around that time.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Inputs, Sql, Statement, named, raw
from holdfast.errors import NotFound
from holdfast.expressions.moment import read_moment
from holdfast.logbook.reading import lines_of

MOST: Final = 200  # of each sort of thing
BEFORE: Final = timedelta(seconds=2)  # clocks of several machines
AFTER: Final = timedelta(minutes=5)  # until what a request has set off is there: events get their numbers in order
STATES: Final = ("ready", "leased", "delivered", "dead")
_AUDITED: Final = Statement.of(
    raw("SELECT a.id::text AS id, holdfast.stamp(a.at) AS at, a.action, a.outcome, a.reason, a.target_kind,")
    + raw(" a.target_id, a.target_name, a.actor_kind, a.actor_name, a.at AS moment FROM holdfast.audit AS a")
    + raw(" WHERE a.request <> '' AND a.request = ")
    + named("request", "text")
    + raw(" ORDER BY a.id LIMIT 200")
)
_WINDOW: Final = named("since", "timestamptz") + raw(" AND ") + named("until", "timestamptz")
_EVENTS: Final = Statement.of(
    raw("SELECT e.seq, 'evt_' || replace(e.id::text, '-', '') AS id, e.type, e.collection, e.record_id,")
    + raw(" holdfast.stamp(e.at) AS at FROM holdfast.events AS e WHERE e.relayed BETWEEN ")
    + _WINDOW
    + raw(" AND e.at BETWEEN ")
    + _WINDOW
    + raw(" AND strpos(e.context, ")
    + named("mark", "text")
    + raw(") > 0 ORDER BY e.seq LIMIT 200")
)
_DELIVERIES: Final = Statement.of(
    raw("SELECT d.id::text AS id, d.webhook_id, w.url, d.event_id, d.type, d.state, d.attempts, d.status, d.error,")
    + raw(" holdfast.stamp(d.created) AS created FROM holdfast.deliveries AS d")
    + raw(" JOIN holdfast.webhooks AS w ON w.id = d.webhook_id WHERE d.created BETWEEN ")
    + _WINDOW
    + raw(" AND d.event_id = ANY (")
    + named("events", "text[]")
    + raw(") ORDER BY d.id LIMIT 200")
)


def _jobs(table: Sql, state: Sql, last: Sql) -> Sql:
    return (
        raw("SELECT j.id, j.name, ")
        + state
        + raw(" AS state, j.attempts, ")
        + last
        + raw(" AS error, j.created FROM ")
        + table
        + raw(" AS j WHERE j.request = ")
        + named("request", "text")
        + raw(" AND j.created BETWEEN ")
        + _WINDOW
    )


_WAITING: Final = raw("CASE WHEN j.dead IS NOT NULL THEN 'dead' WHEN j.started IS NOT NULL AND j.run_at > now()")
_JOBS: Final = Statement.of(
    raw("SELECT j.id::text AS id, j.name, j.state, j.attempts, j.error, holdfast.stamp(j.created) AS created FROM (")
    + _jobs(raw("holdfast.jobs"), _WAITING + raw(" THEN 'running' ELSE 'waiting' END"), raw("coalesce(j.error, '')"))
    + raw(" UNION ALL ")
    + _jobs(raw("holdfast.jobs_done"), raw("'done'"), raw("''"))
    + raw(") AS j ORDER BY j.id LIMIT 200")
)


async def view_request(pool: Pool, id: str) -> dict[str, Any]:
    """All that is known of a request, by its id. Raises NotFound where that is nothing."""
    lines = await lines_of(pool, id)
    named: dict[str, object] = {"request": id, "mark": f'"request":"{id}"'}
    with as_api_errors():
        audited = await pool.fetch(_AUDITED, Inputs(named=named))
        moments = [*_moments(lines), *(row["moment"] for row in audited)]
        if not moments:
            raise NotFound("Nothing is known of a request with this id, or it is kept no more.")
        named |= {"since": min(moments) - BEFORE, "until": max(moments) + AFTER}
        events = await pool.fetch(_EVENTS, Inputs(named=named))
        named["events"] = [row["id"] for row in events]
        deliveries = await pool.fetch(_DELIVERIES, Inputs(named=named)) if events else []
        jobs = await pool.fetch(_JOBS, Inputs(named=named))
    return {
        "id": id,
        "lines": lines,
        "audit": [_audit_json(row) for row in audited],
        "events": [_event_json(row) for row in events],
        "deliveries": [_delivery_json(row) for row in deliveries],
        "jobs": [dict(row.items()) for row in jobs],
    }


def _moments(lines: list[dict[str, Any]]) -> list[datetime]:
    found = (read_moment(line["created"]) for line in lines)
    return [one for one in found if one is not None]


def _audit_json(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "at": row["at"],
        "action": row["action"],
        "outcome": row["outcome"],
        "reason": row["reason"],
        "target": {"kind": row["target_kind"], "id": row["target_id"], "name": row["target_name"]},
        "actor": {"kind": row["actor_kind"], "name": row["actor_name"]},
    }


def _event_json(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "seq": row["seq"],
        "type": row["type"],
        "timestamp": row["at"],
        "collection": row["collection"] or "",
        "recordId": row["record_id"] or "",
    }


def _delivery_json(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "webhookId": row["webhook_id"],
        "url": row["url"],
        "eventId": row["event_id"],
        "type": row["type"],
        "state": STATES[row["state"]],
        "attempts": row["attempts"],
        "status": row["status"],
        "error": row["error"],
        "created": row["created"],
    }
