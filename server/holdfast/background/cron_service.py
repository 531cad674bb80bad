"""Schedules as an operator sees them, those of the server among them, and a run of one right now."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.background.scheduling import KEY
from holdfast.background.sweep_job import SWEEP, SweepWanted
from holdfast.backups.schedule import recurring
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import Conflict, NotFound
from holdfast.expressions.moment import stamp
from holdfast.jobs.cron import next_time
from holdfast.jobs.enqueue import enqueue

HOURLY: Final = "0 * * * *"
SHOWN_RUNS: Final = 5  # of those to come
_ROWS: Final = Statement.of(
    raw("SELECT id, next_run, last_run FROM holdfast.schedules WHERE id = ANY (") + named("ids", "text[]") + raw(")")
)
_HURRY: Final = Statement.of(
    raw("UPDATE holdfast.jobs SET run_at = now() WHERE dead IS NULL AND name = ")
    + named("id", "text")
    + raw(" AND (started IS NULL OR run_at <= now())")
)
_RUNS: Final = Statement.of(
    raw("SELECT id FROM holdfast.jobs WHERE dead IS NULL AND started IS NOT NULL AND run_at > now() AND name = ")
    + named("id", "text")
)
_LOCK: Final = Statement.of(raw("UPDATE holdfast.schedules SET last_run = now() WHERE id = ") + named("id", "text"))


def sweep_id(sweep: str) -> str:
    """What a sweep is called among the schedules, as PocketBase calls its own."""
    return f"__hf_{sweep.replace(' ', '_').replace('-', '_')}__"


async def list_crons(engine: Engine, sweeps: Iterable[str]) -> list[dict[str, Any]]:
    """All schedules: those of plugins that are on by their ids, then the server's own."""
    wanted = [*sorted(engine.host.recurring.values(), key=lambda one: one.id), *recurring(engine).values()]
    with as_api_errors():
        rows = await engine.pool.fetch(_ROWS, Inputs(named={"ids": [one.id for one in wanted]}))
    by_id = {row["id"]: dict(row.items()) for row in rows}
    now = datetime.now(UTC)
    found = [_shown(one.id, one.cron, one.timezone, one.plugin, by_id.get(one.id), now) for one in wanted]
    return [*found, *(_shown(sweep_id(name), HOURLY, "UTC", "", None, now) for name in sorted(sweeps))]


def _shown(
    id: str, cron: str, timezone: str, plugin: str, row: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    last = None if row is None else row["last_run"]
    runs = _runs(cron, timezone, now if row is None else row["next_run"], is_first=row is not None)
    return {
        "id": id,
        "expression": cron,
        "timezone": timezone,
        "plugin": plugin,
        "nextRun": runs[0],
        "nextRuns": runs,
        "lastRun": "" if last is None else stamp(last),
    }


def _runs(cron: str, timezone: str, at: datetime, *, is_first: bool) -> list[str]:
    """The next times, from one on that is the first of them itself, or that they come after."""
    found = [at] if is_first else []
    while len(found) < SHOWN_RUNS:
        at = next_time(cron, timezone, at)
        found.append(at)
    return [stamp(one) for one in found]


async def run_cron(engine: Engine, author: Author, id: str, sweeps: Iterable[str]) -> None:
    """Have a schedule run now, beside its times. Raises NotFound, and Conflict while it runs."""
    sweep = next((name for name in sweeps if sweep_id(name) == id), None)
    if sweep is None and id not in engine.host.recurring and id not in recurring(engine):
        raise NotFound("There is no schedule of this id.")
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            if sweep is None:
                await _hurry(tx, id)
            else:
                await enqueue(tx, SWEEP, SweepWanted(sweep), key=sweep, request=author.request)
            await write(tx, author, Entry(action="cron.run", target=Target("cron", id, id)))


async def _hurry(tx: Transaction, id: str) -> None:
    given = Inputs(named={"id": id})
    await tx.execute(_LOCK, given)
    if await tx.fetchrow(_RUNS, given) is not None:
        raise Conflict("This schedule runs just now.")
    if (await tx.execute(_HURRY, given)).endswith(" 0"):
        await enqueue(tx, id, key=KEY)
