"""Does what waits beside the requests, until nothing is left that is due."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from holdfast.app import JOBS, background_tasks
from holdfast.background.scheduling import run_schedules
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.plugins.following import follow_changes
from holdfast.plugins.hosting import Plugins

LOOK_SECONDS: Final = 0.02
LEFT: Final = Statement.of(
    raw("SELECT (SELECT count(*) FROM holdfast.outbox) AS unnumbered,")
    # One that failed and waits for its next attempt is neither due nor started.
    + raw(" (SELECT count(*) FROM holdfast.jobs WHERE dead IS NULL AND (run_at <= now() OR started IS NOT NULL)")
    + raw(" AND name = ANY (")
    + named("names", "text[]")
    + raw(")) AS jobs, (SELECT count(*) FROM holdfast.deliveries")
    + raw(" WHERE state = 1 OR state = 0 AND next_at <= now()) AS deliveries,")
    + raw(" (SELECT count(*) FROM holdfast.webhooks CROSS JOIN holdfast.stream LEFT JOIN holdfast.webhook_cursor")
    + raw(" AS place ON place.epoch = stream.epoch AND place.seq = stream.seq WHERE place.seq IS NULL) AS unrouted,")
    + raw(" (SELECT count(*) FROM unnest(")
    + named("followers", "text[]")
    + raw(") AS wanted (plugin) CROSS JOIN holdfast.stream LEFT JOIN holdfast.plugin_cursors AS place")
    + raw(" ON place.plugin = wanted.plugin AND place.epoch = stream.epoch AND place.seq = stream.seq")
    + raw(" WHERE place.seq IS NULL) AS behind, (SELECT count(*) FROM unnest(")
    + named("schedules", "text[]")
    + raw(") AS wanted (id) LEFT JOIN holdfast.schedules AS known USING (id)")
    + raw(" WHERE known.id IS NULL OR known.next_run <= now()) AS schedules")
)


class Waiting(msgspec.Struct, frozen=True):
    """How much is due: events without a number, jobs, deliveries, webhooks and plugins behind the log, schedules."""

    unnumbered: int
    jobs: int
    deliveries: int
    unrouted: int
    behind: int
    schedules: int

    @property
    def nothing(self) -> bool:
        """Whether nothing is."""
        return not any(msgspec.structs.astuple(self))


async def work(engine: Engine, seconds: float) -> None:
    """Do it. Raises AssertionError when it takes longer than so many seconds."""
    tasks = background_tasks(engine)
    tasks.append(asyncio.create_task(run_schedules(engine), name="schedules"))
    if isinstance(engine.host, Plugins):
        tasks.append(asyncio.create_task(follow_changes(engine.host), name="offer changes to plugins"))
    until = time.monotonic() + seconds
    try:
        # Twice: what has just been done may have promised something.
        quiet = 0
        while quiet < 2:
            await asyncio.sleep(LOOK_SECONDS)
            _check(tasks)
            waiting = await _look(engine)
            quiet = quiet + 1 if waiting.nothing else 0
            if time.monotonic() > until:
                raise AssertionError(f"after {seconds:g} s of work there is still something to do: {waiting}")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _look(engine: Engine) -> Waiting:
    followers = [called.plugin for called in engine.hooks.record_changed]
    names = [*engine.host.kinds, *(kind.name for kind in JOBS)]
    wanted = {"followers": followers, "names": names, "schedules": list(engine.host.recurring)}
    row = await engine.pool.fetchrow(LEFT, Inputs(named=wanted))
    if row is None:
        raise RuntimeError("a statement without FROM gives one row")
    return Waiting(**dict(row.items()))


def _check(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Raise what a task has ended with; none of them ends by itself."""
    for task in tasks:
        if task.done():
            task.result()
