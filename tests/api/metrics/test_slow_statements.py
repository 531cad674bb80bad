"""`/api/metrics/statements`: which statements took long, and the plans that PostgreSQL has for them."""

import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.db.timing import MOST_KEPT, StatementTimes
from holdfast.engine import Engine
from holdfast.metrics import statements
from holdfast.metrics.history import History
from holdfast.metrics.history_store import moment
from holdfast.metrics.keeping import without_requests
from holdfast.metrics.statements import sweep_texts

pytestmark = in_one_loop
PATH = "/api/metrics/statements"
SLEEP = "SELECT pg_sleep($1::double precision)"
MINUTE = time.time() // 60 * 60 - 120


@pytest_asyncio.fixture(loop_scope="module")
async def api_of_times(shared_api: Api) -> AsyncIterator[Api]:
    """An application that knows of no statement, before and after."""
    for table in (raw("measures"), raw("statements")):
        await shared_api.pool.execute(Statement.of(raw("DELETE FROM holdfast.") + table))
    engine_of(shared_api).pool.times.take()
    yield shared_api
    for table in (raw("measures"), raw("statements")):
        await shared_api.pool.execute(Statement.of(raw("DELETE FROM holdfast.") + table))


def engine_of(api: Api) -> Engine:
    """The parts of the application."""
    engine = api.front.engine
    assert engine is not None
    return engine


async def sleep(api: Api, seconds: float) -> None:
    slept = Statement.of(raw("SELECT pg_sleep(") + named("seconds", "double precision") + raw(")"))
    await engine_of(api).pool.execute(slept, Inputs(named={"seconds": seconds}))


async def keep(api: Api, process: str) -> None:
    """Write down what was counted, as a process of this name does it each minute."""
    engine = engine_of(api)
    await History(process, engine.pool, without_requests(), 1).write(engine, MINUTE)


async def told(api: Api, **query: str) -> list[dict[str, Any]]:
    span = {"from": moment(MINUTE).isoformat(), "to": moment(MINUTE + 60).isoformat()}
    answer = await api.root.get(PATH, params={**span, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def explained(api: Api, text: str) -> dict[str, Any]:
    async with engine_of(api).pool.transaction() as tx:
        await statements.keep_texts(tx.connection, {"0123": text})
    answer = await api.root.get(f"{PATH}/0123")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_statement_that_took_long_is_told_without_its_values(api_of_times: Api) -> None:
    await sleep(api_of_times, 0.03)
    await sleep(api_of_times, 0.001)
    await keep(api_of_times, "aaaa")
    (slept,) = [one for one in await told(api_of_times) if one["text"] == SLEEP]
    assert slept["count"] == 2
    assert slept["max"] >= 30
    assert slept["total"] >= slept["max"]
    assert slept["mean"] == pytest.approx(slept["total"] / 2, abs=0.001)


async def test_the_runs_of_two_processes_are_added_up(api_of_times: Api) -> None:
    for process in ("aaaa", "bbbb"):
        await sleep(api_of_times, 0.02)
        await keep(api_of_times, process)
    (slept,) = [one for one in await told(api_of_times, sort="max") if one["text"] == SLEEP]
    assert slept["count"] == 2


async def test_statements_of_transactions_and_those_that_failed_are_counted(api_of_times: Api) -> None:
    failing = raw("SELECT pg_sleep(0.01), 1 / ") + value(0, "integer")
    with pytest.raises(asyncpg.PostgresError):
        async with engine_of(api_of_times).pool.transaction() as tx:
            await tx.fetch(failing)
    await keep(api_of_times, "aaaa")
    assert [one["count"] for one in await told(api_of_times) if "1 / $1" in one["text"]] == [1]


async def test_what_comes_first_is_what_is_asked_for(api_of_times: Api) -> None:
    await sleep(api_of_times, 0.05)
    await keep(api_of_times, "aaaa")
    assert [one["text"] for one in await told(api_of_times, sort="mean", limit="1")] == [SLEEP]


@pytest.mark.parametrize("query", [{"sort": "name"}, {"limit": "0"}, {"from": "once"}, {"by": "route"}])
async def test_what_cannot_be_asked_of_statements_is_refused(api_of_times: Api, query: dict[str, str]) -> None:
    found = refused(await api_of_times.root.get(PATH, params=query), 400, "bad_request")
    assert list(found["data"]) == list(query)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/0123"])
async def test_only_superusers_see_statements(api_of_times: Api, path: str) -> None:
    refused(await api_of_times.guest.get(path), 401, "unauthenticated")


async def test_a_statement_is_planned_without_its_values_and_not_run(api_of_times: Api) -> None:
    found = await explained(
        api_of_times, "DELETE FROM holdfast.statements WHERE id = $1::text AND seen < $2::timestamptz"
    )
    assert found["reason"] == ""
    assert found["plan"][0]["Plan"]["Operation"] == "Delete"
    assert (await api_of_times.root.get(f"{PATH}/0123")).status_code == 200


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("SET search_path = public", "reads or writes", id="no rows"),
        pytest.param("SELECT 1; DELETE FROM holdfast.statements", "multiple commands", id="two of them"),
        pytest.param("SELECT * FROM gone_since", "does not exist", id="a table that is gone"),
        pytest.param("SELECT " + "1" * statements.MOST_TEXT_CHARS, "too long", id="cut"),
    ],
)
async def test_what_has_no_plan_says_why(api_of_times: Api, text: str, reason: str) -> None:
    found = await explained(api_of_times, text)
    assert found["plan"] is None
    assert reason in found["reason"]


async def test_a_statement_that_nobody_has_met_is_not_found(api_of_times: Api) -> None:
    refused(await api_of_times.root.get(f"{PATH}/nothing"), 404, "not_found")


async def test_texts_go_when_the_history_of_them_has_gone(api_of_times: Api) -> None:
    await explained(api_of_times, "SELECT 1")
    older = raw("UPDATE holdfast.statements SET seen = seen - interval '4 days'")
    await api_of_times.pool.execute(Statement.of(older))
    assert await sweep_texts(api_of_times.pool, 1) == 1


async def test_more_statements_than_are_told_apart_leave_the_slow_ones() -> None:
    times = StatementTimes()
    times.note("slow", 1.0)
    for number in range(MOST_KEPT * 3):
        times.note(f"SELECT {number}", 0.0001)
    found = times.take()
    assert found["slow"].most == 1000.0
    assert len(found) <= MOST_KEPT
