"""What recurs is done once each time, over any number of processes, and what was missed is done once or never."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import structlog

from holdfast.background import scheduling
from holdfast.background.scheduling import look, put_down, run_schedules
from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine
from holdfast.jobs.cron import Recurring
from holdfast.jobs.enqueue import enqueue
from job_worker import engine, job_database, jobs, stopped, until

__all__ = ["engine", "job_database"]

ONE = {"it.nightly": Recurring("it.nightly", "it", "30 3 * * *")}
SKIPPED = {"it.nightly": Recurring("it.nightly", "it", "30 3 * * *", catches_up=False)}


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


async def due(engine: Engine, ago: str = "1 second") -> None:
    """The time of all schedules has come, so long ago."""
    late = "UPDATE holdfast.schedules SET next_run = now() - $1::text::interval"
    connection = await engine.pool.connect()
    await connection.execute(late, ago)
    await connection.close()


async def schedule(engine: Engine) -> dict[str, Any]:
    """The only one, as it stands."""
    rows = await engine.pool.fetch(Statement.of(raw("SELECT *, next_run > now() AS waits FROM holdfast.schedules")))
    return dict(rows[0].items())


async def test_a_time_makes_one_job_however_many_processes_look(engine: Engine):
    await put_down(engine, ONE)
    await look(engine, ONE)
    assert await jobs(engine) == []
    await due(engine)
    await asyncio.gather(*(look(engine, ONE) for _ in range(4)))
    await look(engine, ONE)
    assert [row["name"] for row in await jobs(engine)] == ["it.nightly"]
    now = await schedule(engine)
    assert now["waits"]
    assert now["last_run"] is not None


async def test_a_time_that_comes_while_the_last_run_goes_on_is_left_out(engine: Engine, lines: list[Any]):
    await put_down(engine, ONE)
    for _ in range(2):
        await due(engine)
        await look(engine, ONE)
    assert len(await jobs(engine)) == 1
    left_out = [line for line in lines if line["event"].startswith("a schedule is left out")]
    assert [(line["plugin"], line["schedule"]) for line in left_out] == [("it", "it.nightly")]


@pytest.mark.parametrize(("recurring", "count"), [(ONE, 1), (SKIPPED, 0)], ids=["once", "skip"])
async def test_times_that_were_missed_are_done_once_or_never(
    engine: Engine, recurring: Mapping[str, Recurring], count: int
):
    await put_down(engine, recurring)
    await due(engine, "3 days")
    await look(engine, recurring)
    assert len(await jobs(engine)) == count
    now = await schedule(engine)
    assert now["waits"]
    assert (now["last_run"] is not None) is bool(count)


async def test_another_expression_counts_from_now_and_the_same_one_keeps_its_place(engine: Engine):
    await put_down(engine, ONE)
    await due(engine)
    await put_down(engine, ONE)
    assert not (await schedule(engine))["waits"]
    await put_down(engine, {"it.nightly": Recurring("it.nightly", "it", "31 3 * * *")})
    now = await schedule(engine)
    assert (now["waits"], now["cron"], now["next_run"].minute) == (True, "31 3 * * *", 31)


async def test_schedules_that_nobody_has_here_stay_for_others(engine: Engine):
    await put_down(engine, ONE)
    await due(engine)
    await look(engine, {})
    await look(engine, {"it.other": Recurring("it.other", "it", "@daily")})
    assert await jobs(engine) == []


async def test_schedules_come_and_go_with_plugins_and_outlive_a_fault(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, lines: list[Any]
):
    monkeypatch.setattr(scheduling, "LOOK_SECONDS", 0.02)
    running = asyncio.create_task(run_schedules(engine))
    engine.host.recurring = {"it.broken": Recurring("it.broken", "it", "never")}
    await until(lambda: any(line["event"] == "a schedule could not be run" for line in lines))
    engine.host.recurring = ONE

    async def is_down() -> bool:
        return bool(await engine.pool.fetch(Statement.of(raw("SELECT FROM holdfast.schedules"))))

    await until(is_down)
    await enqueue(engine.pool, "other")
    await due(engine)

    async def is_made() -> bool:
        return {row["name"] for row in await jobs(engine)} == {"other", "it.nightly"}

    await until(is_made)
    await stopped(running)
