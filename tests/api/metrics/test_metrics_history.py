"""`/api/metrics`: the history of what is measured, from what processes write each minute."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine
from holdfast.metrics.figures import Figures, Gauge, RouteFigures
from holdfast.metrics.history import History, SweepMeasures
from holdfast.metrics.history_store import moment, put, roll_up
from holdfast.metrics.keeping import without_requests
from holdfast.metrics.requests import BOUNDS_MS

pytestmark = in_one_loop
PATH = "/api/metrics"
NOW = time.time() // 3600 * 3600  # the beginning of an hour: what is written is before it
PLACES = len(BOUNDS_MS) + 1


@pytest_asyncio.fixture(loop_scope="module")
async def api_of_history(shared_api: Api) -> AsyncIterator[Api]:
    """An application whose history is empty, before and after."""
    for table in (raw("measures"), raw("collection_sizes"), raw("processes")):
        await shared_api.pool.execute(Statement.of(raw("DELETE FROM holdfast.") + table))
    yield shared_api
    for table in (raw("measures"), raw("collection_sizes"), raw("processes")):
        await shared_api.pool.execute(Statement.of(raw("DELETE FROM holdfast.") + table))


def engine_of(api: Api) -> Engine:
    """The parts of the application."""
    engine = api.front.engine
    assert engine is not None
    return engine


def requests(count: int, *, failed: int = 0, place: int = 1) -> RouteFigures:
    spread = tuple(count if at == place else 0 for at in range(PLACES))
    return RouteFigures(count, 0, failed, count * 2.0, spread)


async def write(api: Api, minutes_ago: int, process: str, **figures: Any) -> None:
    connection = await api.pool.acquire()
    try:
        await put(connection, 60, NOW - minutes_ago * 60, process, Figures(**figures))
    finally:
        api.pool.release(connection)


async def series(api: Api, *names: str, minutes: int = 10, **query: str | int) -> dict[str, list[float | None]]:
    times = {"from": moment(NOW - minutes * 60).isoformat(), "to": moment(NOW).isoformat()}
    answer = await api.root.get(f"{PATH}/series", params={"names": ",".join(names), **times, **query})
    assert answer.status_code == 200, answer.text
    return {one["name"]: one["values"] for one in answer.json()["series"]}


async def test_what_two_processes_did_in_a_minute_is_told_as_one(api_of_history: Api) -> None:
    for process, count in (("a", 60), ("b", 120)):
        gauges = {"memory": Gauge(count, 1, count)}
        await write(api_of_history, 2, process, routes={"GET /x": requests(count)}, gauges=gauges)
    found = await series(api_of_history, "requests_good", "memory", minutes=3)
    assert found == {"requests_good": [None, 3.0, None], "memory": [None, 180.0, None]}


async def test_the_quantiles_of_a_longer_step_are_those_of_all_its_requests(api_of_history: Api) -> None:
    await write(api_of_history, 10, "a", routes={"GET /x": requests(99, place=0)})
    await write(api_of_history, 9, "a", routes={"GET /x": requests(1, place=9)})
    found = await series(api_of_history, "latency_p50", "latency_p99", step=600)
    assert found["latency_p50"] == [pytest.approx(0.5051, abs=0.001)]
    assert found["latency_p99"] == [1.0]


async def test_a_step_that_was_only_partly_watched_is_no_slower_for_it(api_of_history: Api) -> None:
    await write(api_of_history, 10, "a", routes={"GET /x": requests(120)})
    assert (await series(api_of_history, "requests_good", step=600))["requests_good"] == [2.0]


async def test_minutes_that_were_joined_are_told_as_they_were(api_of_history: Api) -> None:
    for minutes_ago in range(180, 0, -1):
        await write(api_of_history, minutes_ago, "a", routes={"GET /x": requests(minutes_ago)})
    before = await series(api_of_history, "requests_good", "latency_p95", minutes=180, step=3600)
    async with api_of_history.pool.transaction() as tx:
        await roll_up(tx.connection, NOW + 300)
        lengths = await tx.connection.fetch("SELECT step, count(*) FROM holdfast.measures GROUP BY step ORDER BY step")
        await tx.connection.execute("DELETE FROM holdfast.measures WHERE step < 3600")
    assert [tuple(row) for row in lengths] == [(60, 180), (600, 18), (3600, 3)]
    assert await series(api_of_history, "requests_good", "latency_p95", minutes=180, step=3600) == before


async def test_what_is_too_old_is_let_go_by_how_fine_it_is(api_of_history: Api) -> None:
    async with api_of_history.pool.transaction() as tx:
        for step, days in ((60, 1), (60, 3), (600, 7), (600, 9), (3600, 29), (3600, 31)):
            await put(tx.connection, step, time.time() - days * 86_400, "", Figures())
    assert await SweepMeasures(30)(api_of_history.pool) == 3
    assert await SweepMeasures(30)(api_of_history.pool) == 0


async def test_the_answer_says_for_how_long_what_is_kept(api_of_history: Api) -> None:
    answer = (await api_of_history.root.get(f"{PATH}/series", params={"names": "cpu"})).json()
    assert answer["kept"] == []  # of this application nothing is
    assert answer["step"] == 60


async def test_the_slowest_route_of_a_time_comes_first(api_of_history: Api) -> None:
    routes = {
        "GET /fast": requests(100),
        "POST /slow": requests(3, failed=1, place=8),
        "GET /api/realtime": requests(5, place=13),
    }
    await write(api_of_history, 5, "a", routes=routes)
    times = {"from": moment(NOW - 600).isoformat(), "to": moment(NOW).isoformat()}
    found = (await api_of_history.root.get(f"{PATH}/top", params={"by": "route", "sort": "p95", **times})).json()
    assert [one["route"] for one in found["items"]] == ["/slow", "/fast"]
    assert found["items"][0] | {"p95": 0} == {
        **{"method": "POST", "route": "/slow", "count": 3, "refused": 0, "errors": 1, "mean": 2.0},
        "p95": 0,
    }


async def test_a_process_writes_its_minute_and_the_first_that_of_all(api_of_history: Api) -> None:
    engine = engine_of(api_of_history)
    now = NOW + 61
    for process in ("aaaa", "bbbb"):
        history = History(process, api_of_history.pool, without_requests(), 30)
        await history.write(engine, now - 60)
        await history.tell_of_all(engine, now)
    rows = await api_of_history.pool.fetch(
        Statement.of(raw("SELECT at, process FROM holdfast.measures ORDER BY process"))
    )
    assert [(row["at"].timestamp(), row["process"]) for row in rows] == [
        (NOW, ""),
        (NOW, "aaaa"),
        (NOW, "bbbb"),
    ]


async def test_what_the_database_counts_is_told_by_how_much_it_grew(api_of_history: Api) -> None:
    engine = engine_of(api_of_history)
    history = History("aaaa", api_of_history.pool, without_requests(), 30)
    await history.tell_of_all(engine, NOW + 60)
    grown = "INSERT INTO holdfast.totals VALUES ('jobs', 'mail', 'done', 6) ON CONFLICT DO NOTHING"
    await api_of_history.pool.execute(Statement.of(raw(grown)))
    await history.tell_of_all(engine, NOW + 120)
    await api_of_history.pool.execute(Statement.of(raw("DELETE FROM holdfast.totals WHERE label = 'mail'")))
    times = {"from": moment(NOW).isoformat(), "to": moment(NOW + 120).isoformat()}
    answer = await api_of_history.root.get(f"{PATH}/series", params={"names": "jobs_done,database_bytes", **times})
    done, size = (one["values"] for one in answer.json()["series"])
    assert done == [0.0, 0.1]
    assert min(size) > 1_000_000


async def test_a_start_and_a_changed_collection_are_marks(api_of_history: Api) -> None:
    await api_of_history.pool.execute(
        Statement.of(
            raw("INSERT INTO holdfast.processes SELECT n::text, 'serve', 'db1', 5, 1, v, true, at, at, NULL, '{}' FROM")
            + raw(" (VALUES (1, '0.1.0', now() - interval '3 min'), (2, '0.1.0', now() - interval '2 min'),")
            + raw(" (3, '0.2.0', now() - interval '1 min')) AS one (n, v, at)")
        )
    )
    await api_of_history.define("marked")
    try:
        items = (await api_of_history.root.get(f"{PATH}/marks")).json()["items"]
    finally:
        await api_of_history.root.delete("/api/collections/marked")
    told = [(one["kind"], one["text"]) for one in items if "db1" in one["text"] or "marked" in one["text"]]
    assert told == [
        ("schema", "collection.created marked"),
        ("version", "serve 1 on db1 went from 0.1.0 to 0.2.0"),
        ("restart", "serve 1 on db1 began again"),
        ("start", "serve 1 on db1 began, 0.1.0"),
    ]
    assert {one["kind"] for one in items} >= {"migration"}


async def test_a_collection_tells_how_much_it_has_grown(api_of_history: Api) -> None:
    await api_of_history.define("grown")
    try:
        history = History("aaaa", api_of_history.pool, without_requests(), 30)
        await history.tell_of_all(engine_of(api_of_history), time.time())
        await api_of_history.create("grown")
        items = (await api_of_history.root.get(f"{PATH}/collections")).json()["items"]
    finally:
        await api_of_history.root.delete("/api/collections/grown")
    (found,) = [one for one in items if one["name"] == "grown"]
    assert (found["rows"], found["before"], found["exact"], found["beforeExact"]) == (1, 0, True, True)


@pytest.mark.parametrize("path", ["/series", "/top", "/marks", "/collections"])
async def test_nobody_but_superusers_reads_the_history(shared_api: Api, path: str) -> None:
    refused(await shared_api.guest.get(PATH + path), 401, "unauthenticated")


@pytest.mark.parametrize(
    "question", ["/series?names=x", "/series?from=x", "/top?by=user", "/marks?from=2027-01-02&to=2027-01-01"]
)
async def test_a_question_that_makes_no_sense_is_answered_with_what_is_wrong(shared_api: Api, question: str) -> None:
    assert refused(await shared_api.root.get(PATH + question), 400, "bad_request")["data"]
