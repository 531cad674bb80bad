"""Makes the jobs of schedules when their times come: one over all processes, whoever looks first.

The place of a schedule in time is a row. It moves on in the transaction that makes the job, so that a time is neither
lost nor taken twice, however many processes look and whenever one of them dies.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import structlog

from holdfast.backups.schedule import recurring
from holdfast.db.failures import end_if_cancelled
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.jobs.cron import Recurring, next_time
from holdfast.jobs.enqueue import enqueue

LOOK_SECONDS: Final = 1.0
MISSED: Final = timedelta(minutes=1)  # a time that is so long ago was missed: no process was up, or the plugin was off
KEY: Final = "schedule"
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_PUT: Final = Statement.of(
    raw("INSERT INTO holdfast.schedules AS s (id, cron, timezone, next_run) VALUES (")
    + named("id", "text")
    + raw(", ")
    + named("cron", "text")
    + raw(", ")
    + named("timezone", "text")
    + raw(", ")
    + named("next", "timestamptz")
    + raw(") ON CONFLICT (id) DO UPDATE SET cron = excluded.cron, timezone = excluded.timezone,")
    + raw(" next_run = excluded.next_run WHERE (s.cron, s.timezone) <> (excluded.cron, excluded.timezone)")
)
_LOOK: Final = Statement.of(
    raw("SELECT id FROM holdfast.schedules WHERE next_run <= now() AND id = ANY (") + named("ids", "text[]") + raw(")")
)
_TAKE: Final = Statement.of(
    raw("SELECT next_run, now() AS now FROM holdfast.schedules WHERE next_run <= now() AND id = ")
    + named("id", "text")
    + raw(" FOR UPDATE SKIP LOCKED")
)
_MOVE: Final = Statement.of(
    raw("UPDATE holdfast.schedules SET next_run = ")
    + named("next", "timestamptz")
    + raw(", last_run = CASE WHEN ")
    + named("runs", "boolean")
    + raw(" THEN now() ELSE last_run END WHERE id = ")
    + named("id", "text")
)
_GOES_ON: Final = Statement.of(
    raw("SELECT EXISTS (SELECT FROM holdfast.jobs WHERE dead IS NULL AND name = ")
    + named("id", "text")
    + raw(") AS found")
)
_log: Final = structlog.get_logger("holdfast.schedules")


async def run_schedules(engine: Engine) -> None:
    """Make jobs of the schedules of plugins that are on, and of that of backups, until cancelled."""
    known: Mapping[str, Recurring] = {}
    away = False
    while True:
        wanted = {**engine.host.recurring, **recurring(engine)}
        try:
            if wanted != known:
                await put_down(engine, wanted)
                known = wanted
            await look(engine, wanted)
            away = False
        except _FAILURES as failure:
            end_if_cancelled()
            if not away:
                _log.warning("no schedule runs while the database is away", reason=str(failure))
            away = True
        except Exception as failure:  # the task outlives whatever one schedule brings
            _log.error("a schedule could not be run", exc_info=failure)
        await asyncio.sleep(LOOK_SECONDS)


async def put_down(engine: Engine, wanted: Mapping[str, Recurring]) -> None:
    """Write down when new schedules, and those with another expression, run first."""
    now = datetime.now(UTC)
    for one in wanted.values():
        given = {"id": one.id, "cron": one.cron, "timezone": one.timezone}
        inputs = Inputs(named={**given, "next": next_time(one.cron, one.timezone, now)})
        await engine.pool.execute(_PUT, inputs)


async def look(engine: Engine, wanted: Mapping[str, Recurring]) -> None:
    """Make the jobs of the schedules whose time has come."""
    if not wanted:
        return
    for row in await engine.pool.fetch(_LOOK, Inputs(named={"ids": list(wanted)})):
        async with engine.pool.transaction() as tx:
            await _take(tx, wanted[row["id"]])


async def _take(tx: Transaction, one: Recurring) -> None:
    row = await tx.fetchrow(_TAKE, Inputs(named={"id": one.id}))
    if row is None:
        return  # another process was faster
    missed = row["now"] - row["next_run"] > MISSED
    runs = not missed or one.catches_up
    if runs and await goes_on(tx, one.id):
        _log.warning("a schedule is left out this time: its last run is not over", plugin=one.plugin, schedule=one.id)
        runs = False
    following = next_time(one.cron, one.timezone, row["now"])
    await tx.execute(_MOVE, Inputs(named={"id": one.id, "next": following, "runs": runs}))
    if runs:
        await enqueue(tx, one.id, key=KEY)


async def goes_on(tx: Transaction, id: str) -> bool:
    """Whether a run of a schedule waits or is at work."""
    row = await tx.fetchrow(_GOES_ON, Inputs(named={"id": id}))
    return row is not None and row["found"]
