"""`/api/logs`: what requests leave behind, filtered, counted, joined, and gone when its time is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from holdfast.logbook.days import make_day
from holdfast.logbook.logbook import Logbook
from holdfast.logbook.sweep import SweepLogs
from holdfast.observe import NoObserver, RequestSeen
from holdfast.schema.app_options import Logs
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6ImFiYyJ9.c2lnbmF0dXJl"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """An application that keeps its log, with some requests in it."""
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("kept"), log_database=True) as api:
        await api.define("posts", [{"name": "title", "type": "text"}])
        for status in ("one", "two"):
            await api.create("posts", title=status)
        await api.guest.get("/api/collections/nothing/records")
        await api.guest.get(f"/api/files/posts/{SECRET}")
        await api.guest.get("/api/health")
        headers = {"X-Request-Id": "join-me-please", "User-Agent": "curl/8"}
        await api.root.post("/api/roles", json={"name": "editors"}, headers=headers)
        await written(api, "message ~ 'roles'")
        yield api
    await drop_database(cluster, dsn)


async def written(api: Api, filter: str) -> list[dict[str, Any]]:
    """The lines, as soon as they are there: they are written once a second."""
    for _ in range(100):
        items = await lines(api, filter=filter)
        if items:
            return items
        await asyncio.sleep(0.05)
    raise AssertionError(f"no line with {filter}")


async def lines(api: Api, **query: Any) -> list[dict[str, Any]]:
    answer = await api.root.get("/api/logs", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.mark.parametrize(
    ("path", "cookie", "is_console"),
    [
        ("/api/console/bootstrap", "", True),
        ("/api/files/covers/a/b.png", "other=1; holdfast_session=abc", True),
        ("/api/files/covers/a/b.png", "other=1", False),
        ("/api/collections/posts/records", "holdfast_session=abc", False),
    ],
    ids=["its beginning", "a picture in it", "a picture elsewhere", "an app in the same browser"],
)
async def test_what_a_page_of_the_console_loads_is_told_apart(
    kept: Api, path: str, cookie: str, is_console: bool
) -> None:
    agent = f"{path} {cookie}"
    await kept.guest.get(path, headers={"User-Agent": agent, **({"Cookie": cookie} if cookie else {})})
    (line,) = await written(kept, f"data.userAgent = '{agent}'")
    assert line["data"].get("console", False) is is_console


async def test_a_page_is_as_pocketbase_has_it_the_newest_first(kept: Api) -> None:
    page = (await kept.root.get("/api/logs", params={"perPage": 3})).json()
    assert list(page) == ["items", "page", "perPage", "totalItems", "totalPages"]
    assert page["totalItems"] >= 6
    moments = [line["created"] for line in page["items"]]
    assert moments == sorted(moments, reverse=True)
    assert list(page["items"][0]) == ["id", "created", "level", "message", "request", "data"]
    one = (await kept.root.get(f"/api/logs/{page['items'][0]['id']}")).json()
    assert one == page["items"][0]


@pytest.mark.parametrize(
    ("filter", "messages"),
    [
        ("data.status = 404 && message ~ 'nothing'", ["GET /api/collections/nothing/records"]),
        ("level >= 4 && data.auth = '' && message ~ '/files/posts'", ["GET /api/files/posts/[redacted]"]),
        ("data.method = 'POST' && data.collection = 'posts'", ["POST /api/collections/posts/records"] * 2),
        ("message ~ 'health'", []),
        ("created > @now", []),
        ("data.userAgent ~ 'curl'", ["POST /api/roles"]),
    ],
    ids=["status", "secret in a path", "collection", "quiet", "later", "agent"],
)
async def test_lines_are_filtered_as_records_are(kept: Api, filter: str, messages: list[str]) -> None:
    assert [line["message"] for line in await lines(kept, filter=filter)] == messages


async def test_a_line_says_who_asked_and_how_long_it_took(kept: Api) -> None:
    (line,) = await lines(kept, filter="message = 'POST /api/roles'", fields="level,request,data")
    assert (line["level"], line["request"]) == (0, "join-me-please")
    assert line["data"]["auth"] == "_superusers"
    assert line["data"]["userIP"] == "192.0.2.1"
    assert line["data"]["execTime"] > 0
    (write, _) = await lines(kept, filter="data.collection = 'posts' && data.method = 'POST'")
    assert 0 < write["data"]["dbTime"] <= write["data"]["execTime"]


@pytest.mark.parametrize(
    ("query", "code", "word"),
    [
        ({"filter": "nope = 1"}, "invalid_filter", "nope"),
        ({"filter": "level ="}, "invalid_filter", ""),
        ({"sort": "nope"}, "invalid_sort", "nope"),
        ({"interval": "3h"}, "bad_request", "interval"),
        ({"fields": "data:excerpt(3)"}, "bad_request", "fields"),
    ],
    ids=["unknown field", "no filter", "unknown sort", "unknown interval", "modifier"],
)
async def test_what_cannot_be_asked_is_refused_by_name(kept: Api, query: dict[str, str], code: str, word: str) -> None:
    path = "/api/logs/stats" if "interval" in query else "/api/logs"
    assert word in str(refused(await kept.root.get(path, params=query), 400, code))


async def test_lines_are_counted_by_stretches_of_time(kept: Api) -> None:
    total = (await kept.root.get("/api/logs", params={"filter": "created < @now"})).json()["totalItems"]
    for interval in ("", "1m", "1d"):
        query = {"filter": "created < @now", **({"interval": interval} if interval else {})}
        stretches = (await kept.root.get("/api/logs/stats", params=query)).json()
        assert sum(one["total"] for one in stretches) >= total
        assert sum(one["warnings"] for one in stretches) >= 2
        assert stretches == sorted(stretches, key=lambda one: one["date"])


async def test_one_id_joins_what_a_request_has_done(kept: Api) -> None:
    found = (await kept.root.get("/api/logs/requests/join-me-please")).json()
    assert [line["message"] for line in found["lines"]] == ["POST /api/roles"]
    assert [(entry["action"], entry["target"]["name"]) for entry in found["audit"]] == [("role.created", "editors")]
    assert (found["events"], found["deliveries"], found["jobs"]) == ([], [], [])
    refused(await kept.root.get("/api/logs/requests/nobody-knows-me"), 404, "not_found")
    refused(await kept.root.get("/api/logs/requests/%22"), 404, "not_found")


@pytest.mark.parametrize("path", ["/api/logs", "/api/logs/stats", "/api/logs/x", "/api/logs/requests/join-me-please"])
async def test_nobody_but_superusers_reads_them(kept: Api, path: str) -> None:
    refused(await kept.guest.get(path), 401, "unauthenticated")


async def test_old_days_go_and_what_the_operator_does_not_want_is_not_kept(kept: Api) -> None:
    async with kept.pool.transaction() as tx:
        now = await tx.connection.fetchval("SELECT now()")
        await make_day(tx.connection, (now - timedelta(days=5)).date())
        await make_day(tx.connection, (now - timedelta(days=4)).date())
    assert await SweepLogs(lambda: 5)(kept.pool) == 1
    assert await SweepLogs(lambda: 5)(kept.pool) == 0


async def test_lines_that_cannot_be_written_are_written_later(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as api:
        book = Logbook(api.settings, database, NoObserver())
        seen = RequestSeen(asyncio.get_running_loop().time(), 1.0, "", "GET", "", "/x", 200, "guest", "", 0)
        now = await api.pool.fetchrow_text("SELECT extract(epoch FROM now())::float8 AS now", ())
        assert now is not None
        async with api.pool.transaction() as tx:
            await tx.connection.execute("ALTER TABLE holdfast.logs RENAME TO hidden")
        book.buffer.request(RequestSeen(now["now"], *list(_values(seen))[1:]))
        await book.write(Logs())
        assert len(book.buffer) == 1
        async with api.pool.transaction() as tx:
            await tx.connection.execute("ALTER TABLE holdfast.hidden RENAME TO logs")
        await book.write(Logs(min_level=4))
        assert (len(book.buffer), await lines(api)) == (0, [])
        book.buffer.request(RequestSeen(now["now"], *list(_values(seen))[1:]))
        await book.write(Logs())
        assert [line["message"] for line in await lines(api)] == ["GET /x"]
        book.buffer.request(RequestSeen(now["now"], *list(_values(seen))[1:]))
        await book.write(Logs(max_days=0))
        assert len(await lines(api)) == 1
        await book.pool.close()


def _values(seen: RequestSeen) -> Any:
    return (getattr(seen, name) for name in seen.__struct_fields__)
