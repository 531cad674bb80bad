"""The use cases of jobs: look at them, try one again, start one now, cancel one."""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.audit.actions import Action
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.background.job_query import JobQuery, State, read_id
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import EMPTY, Inputs, Sql, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Conflict, NotFound
from holdfast.expressions.moment import stamp
from holdfast.jobs.enqueue import enqueue
from holdfast.jobs.job import PRIORITIES, plugin_of
from holdfast.jobs.state import jobs_state

KIND: Final = "job"
_PRIORITIES: Final[Mapping[int, str]] = {number: name for name, number in PRIORITIES.items()}
# A lease that has passed is nobody's: the process is gone, and the job waits for another.
_LIVE: Final = raw(
    "SELECT j.id, j.name, j.key, j.payload, j.priority, j.attempts, j.error, j.request, j.created, j.run_at,"
    " CASE WHEN j.dead IS NOT NULL THEN 'dead' WHEN j.started IS NOT NULL AND j.run_at > now() THEN 'running'"
    " ELSE 'waiting' END AS state, j.started, j.dead AS finished FROM holdfast.jobs AS j"
)
_DONE: Final = raw(
    "SELECT j.id, j.name, j.key, j.payload, j.priority, j.attempts, NULL::text AS error, j.request, j.created,"
    " j.created AS run_at, 'done' AS state, j.started, j.finished FROM holdfast.jobs_done AS j"
)
_HEAD: Final = raw("SELECT *, payload::text AS payload_text FROM (")
_TAIL: Final = raw(") AS j WHERE true")
_ALL: Final = _HEAD + _LIVE + raw(" UNION ALL ") + _DONE + _TAIL
_OF: Final[Mapping[State | None, Sql]] = {
    None: _ALL,
    "waiting": _HEAD + _LIVE + raw(" WHERE j.dead IS NULL") + _TAIL + raw(" AND j.state = 'waiting'"),
    "running": _HEAD + _LIVE + raw(" WHERE j.dead IS NULL") + _TAIL + raw(" AND j.state = 'running'"),
    "dead": _HEAD + _LIVE + raw(" WHERE j.dead IS NOT NULL") + _TAIL,
    "done": _HEAD + _DONE + _TAIL,
}
_ONE: Final = Statement.of(_ALL + raw(" AND j.id = ") + named("id", "bigint"))
_HOLD: Final = Statement.of(
    raw("SELECT id FROM holdfast.jobs WHERE id = ") + named("id", "bigint") + raw(" FOR UPDATE")
)
_RETRY: Final = Statement.of(
    raw("UPDATE holdfast.jobs SET dead = NULL, attempts = 0, started = NULL, run_at = now() WHERE id = ")
    + named("id", "bigint")
)
_RUN: Final = Statement.of(raw("UPDATE holdfast.jobs SET run_at = now() WHERE id = ") + named("id", "bigint"))
_CANCEL: Final = (
    Statement.of(raw("DELETE FROM holdfast.jobs WHERE id = ") + named("id", "bigint")),
    Statement.of(raw("DELETE FROM holdfast.jobs_done WHERE id = ") + named("id", "bigint")),
)


async def list_jobs(engine: Engine, query: JobQuery) -> dict[str, Any]:
    """A page of jobs, the newest first; `next` is what to go on from."""
    order = raw(" ORDER BY j.id DESC LIMIT ") + value(query.limit, "bigint")
    with as_api_errors():
        rows = await engine.pool.fetch(Statement.of(_OF[query.state] + _where(query) + order))
    return {
        "items": [_shown(engine, dict(row.items())) for row in rows],
        "next": str(rows[-1]["id"]) if len(rows) == query.limit else None,
    }


def _where(query: JobQuery) -> Sql:
    where = EMPTY if query.before is None else raw(" AND j.id < ") + value(query.before, "bigint")
    if query.plugin:
        where += raw(" AND starts_with(j.name, ") + value(query.plugin + ".", "text") + raw(")")
    if query.name:
        where += raw(" AND j.name = ") + value(query.name, "text")
    return where


async def job_stats(engine: Engine) -> dict[str, Any]:
    """How the queue is doing; jobs of plugins that are off are not late."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            found = await jobs_state(tx.connection, engine.host.kinds)
    oldest = round(max(found.waited, 0.0), 3)
    return {"waiting": found.waiting, "dead": found.dead, "oldestReadySeconds": oldest}


async def view_job(engine: Engine, id: str) -> dict[str, Any]:
    """One job. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            return _shown(engine, await _get(tx, id))


async def retry_job(engine: Engine, author: Author, id: str) -> dict[str, Any]:
    """Do a job again that was given up, with all its attempts before it, or a copy of one that is done.

    Raises NotFound, BadRequest for one that waits or runs, and Conflict while another waits with its key.
    """
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, id)
            if row["state"] not in ("dead", "done"):
                raise BadRequest(f"This job is {row['state']}: only one that is dead or done can be retried.")
            again = await _again(tx, row, author)
            await _tell(tx, author, "job.retried", row)
            return _shown(engine, await _get(tx, str(again)))


async def _again(tx: Transaction, row: Mapping[str, Any], author: Author) -> int:
    if row["state"] == "done":
        payload = msgspec.Raw(row["payload_text"].encode())
        return await enqueue(tx, row["name"], payload, priority=row["priority"], request=author.request)
    try:
        await tx.execute(_RETRY, Inputs(named={"id": row["id"]}))
    except asyncpg.UniqueViolationError:
        raise Conflict("Another job waits with the key of this one, in its place.") from None
    return row["id"]


async def run_job(engine: Engine, author: Author, id: str) -> dict[str, Any]:
    """Start a job now that waits. Raises NotFound, and BadRequest for one that does not wait."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, id)
            if row["state"] != "waiting":
                raise BadRequest(f"This job is {row['state']}: only one that is waiting can be started.")
            await tx.execute(_RUN, Inputs(named={"id": row["id"]}))
            await _tell(tx, author, "job.run", row)
            return _shown(engine, await _get(tx, id))


async def cancel_job(engine: Engine, author: Author, id: str) -> None:
    """Take a job away, whatever its state; one that runs is ended within some seconds. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, id)
            for statement in _CANCEL:
                await tx.execute(statement, Inputs(named={"id": row["id"]}))
            await _tell(tx, author, "job.cancelled", row)


async def _get(tx: Transaction, id: str) -> Mapping[str, Any]:
    number = read_id(id)
    if number is None:
        raise NotFound("There is no job of this id.")
    given = Inputs(named={"id": number})
    await tx.fetchrow(_HOLD, given)
    row = await tx.fetchrow(_ONE, given)
    if row is None:
        raise NotFound("There is no job of this id.")
    return dict(row.items())


async def _tell(tx: Transaction, author: Author, action: Action, row: Mapping[str, Any]) -> None:
    target = Target(KIND, str(row["id"]), row["name"])
    await write(tx, author, Entry(action=action, target=target, before={"state": row["state"]}))


def _shown(engine: Engine, row: Mapping[str, Any]) -> dict[str, Any]:
    plugin = plugin_of(row["name"])
    state: State = row["state"]
    kind = engine.host.kinds.get(row["name"])
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "plugin": plugin,
        "state": state,
        "priority": _PRIORITIES.get(row["priority"], "normal"),
        "key": row["key"] or "",
        "attempts": row["attempts"],
        "maxAttempts": 0 if kind is None else kind.attempts,
        "error": row["error"] or "",
        "request": row["request"],
        "created": stamp(row["created"]),
        "runAt": stamp(row["run_at"]) if state == "waiting" else "",
        "started": "" if row["started"] is None else stamp(row["started"]),
        "finished": "" if row["finished"] is None else stamp(row["finished"]),
        # Of the server's own jobs it holds links that log somebody in.
        "payload": msgspec.Raw(row["payload_text"].encode()) if plugin else None,
    }
