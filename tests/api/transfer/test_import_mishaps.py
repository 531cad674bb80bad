"""Imports that meet each other, or a disk that is full: every record is written once, or nothing is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from holdfast.db.sql import Statement, raw
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop

THINGS = "/api/collections/things/records"
# What a table says that cannot grow, from a certain row on.
FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.code = '1500' THEN
        RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON public.things FOR EACH ROW EXECUTE FUNCTION full_disk();
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("mishaps")) as made:
        await made.define("things", [{"name": "code", "type": "text", "unique": True}, {"name": "n", "type": "number"}])
        yield made
    await drop_database(cluster, dsn)


async def send(api: Api, codes: range, n: int, **query: str) -> httpx.Response:
    text = "code,n\n" + "".join(f"{code},{n}\n" for code in codes)
    return await api.root.post(f"{THINGS}/import", content=text, headers={"Content-Type": "text/csv"}, params=query)


async def things(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.root.get(THINGS, params={"perPage": "1000", "cursor": cursor})).json()
        found += page["items"]
        cursor = page["nextCursor"]
    return found


async def staging(api: Api) -> list[str]:
    tables = raw("SELECT relname FROM pg_class WHERE relnamespace = 'holdfast_imports'::regnamespace")
    rows = await api.pool.fetch(Statement.of(tables + raw(" AND relname LIKE 'lines%'")))
    return [row["relname"] for row in rows]


@pytest.mark.parametrize("mode", ["insert", "upsert", "skip"])
async def test_imports_that_race_for_the_same_records_write_each_once(api: Api, mode: str) -> None:
    await api.root.delete("/api/collections/things/truncate")
    # In opposite directions, so that each waits for the other sooner or later.
    answers = await asyncio.gather(
        send(api, range(2000), 1, mode=mode, key="code", onError="skip"),
        send(api, range(1999, -1, -1), 2, mode=mode, key="code", onError="skip"),
    )
    done = [answer.json() for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code != 200:
            refused(answer, 503, "unavailable")
    assert done
    for report in done:
        assert report["read"] == sum(report[name] for name in ("inserted", "updated", "skipped", "failed"))
    found = await things(api)
    assert len(found) == len({one["code"] for one in found}) == sum(report["inserted"] for report in done) == 2000
    written = Counter(one["n"] for one in found)
    wrote = sorted(report["inserted"] + report["updated"] for report in done)
    assert max(written.values()) in wrote
    assert await staging(api) == []


async def test_a_full_disk_leaves_nothing_of_an_import(api: Api) -> None:
    await api.root.delete("/api/collections/things/truncate")
    connection = await api.pool.connect()
    try:
        await connection.execute(FULL)
        refused(await send(api, range(2000), 1, onError="skip"), 503, "unavailable")
        assert await things(api) == []
        assert await staging(api) == []
        (last, *_) = (await api.root.get("/api/collections/things/imports")).json()
        assert (last["state"], last["inserted"], last["canUndo"]) == ("failed", 0, False)
        await connection.execute("DROP FUNCTION full_disk CASCADE")
    finally:
        await connection.close()
    assert (await send(api, range(2000), 1)).json()["inserted"] == 2000


async def test_a_value_that_looks_like_an_escaped_nul_is_told_like_any_other(api: Api) -> None:
    # What stands in the report goes through JSON: the six characters of an escape are no NUL, and a NUL is a blank.
    await api.root.delete("/api/collections/things/truncate")
    content = "code,n\n" + "\n" * 600 + "a,\\u0000\nb,\\\\u0000\nc\0,1\nd,4\n"
    answer = await api.root.post(
        f"{THINGS}/import", content=content, headers={"Content-Type": "text/csv"}, params={"onError": "skip"}
    )
    report = answer.json()
    assert (answer.status_code, report["inserted"], report["failed"]) == (200, 1, 3), answer.text
    assert [one["value"] for one in report["errors"]] == ["\\u0000", "\\\\u0000", "c\0"]
    kept = (await api.root.get(f"/api/collections/things/imports/{report['importId']}")).json()
    assert [one["value"] for one in kept["errors"]] == ["\\u0000", "\\\\u0000", "c "]
