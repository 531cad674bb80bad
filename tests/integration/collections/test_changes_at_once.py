"""Several people change collections at once, and tables are in use."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from client import Api, in_one_loop, refused, running, shared_api
from holdfast.catalog import store
from schema_changes import URL, Changes, changes

__all__ = ["changes", "shared_api"]
pytestmark = in_one_loop

TITLE = {"name": "title", "type": "text"}


async def test_two_people_who_change_one_collection_both_get_what_they_asked_for(changes: Changes):
    await changes.make("posts", TITLE)

    async def comment(at: int) -> None:
        answer = await changes.root.patch(f"{URL}/posts", json={"comment": f"comment {at}"})
        assert answer.status_code == 200, answer.text

    async def index(at: int) -> None:
        answer = await changes.root.patch(f"{URL}/posts", json={"indexes": [f"CREATE INDEX i{at} ON posts (title)"]})
        assert answer.status_code == 200, answer.text

    await asyncio.gather(*(work(at) for at in range(8) for work in (comment, index)))
    now = await changes.get("posts")
    [index_name] = await changes.rows("SELECT indexname::text FROM pg_indexes WHERE indexname LIKE 'i_'")
    assert f"`{index_name}`" in now["indexes"][0]
    assert await changes.rows("SELECT obj_description('public.posts'::regclass)") == [now["comment"]]


async def test_many_collections_made_at_once_are_all_there(changes: Changes):
    answers = await asyncio.gather(
        *(changes.root.post(URL, json={"name": f"c{at}", "fields": [TITLE]}) for at in range(12)),
        *(changes.root.post(URL, json={"name": "same", "fields": [TITLE]}) for _ in range(4)),
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses[:12] == [200] * 12
    assert sorted(statuses[12:]) == [200, 400, 400, 400]
    tables = await changes.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'c%'")
    assert tables == [12]


async def test_a_stale_change_with_a_plan_is_refused(changes: Changes):
    await changes.make("posts", TITLE)
    mine = (await changes.get("posts"))["fields"] + [{"name": "mine", "type": "text"}]
    theirs = (await changes.get("posts"))["fields"] + [{"name": "theirs", "type": "text"}]
    plan = await changes.plan("PATCH", "posts", fields=mine)
    await changes.change("posts", fields=theirs)
    answer = await changes.root.patch(f"{URL}/posts", json={"fields": mine, "plan": plan["hash"]})
    refused(answer, 412, "precondition_failed")
    assert [field["name"] for field in (await changes.get("posts"))["fields"]] == ["id", "title", "theirs"]


async def test_a_table_in_use_is_waited_for_a_while_and_readers_are_not_held_up(database: str, tmp_path: Path):
    async with running(database, tmp_path, lock_timeout_ms=1500) as api:
        changes = Changes(api)
        await changes.make("posts", TITLE)
        await changes.create("posts", title="t")
        holder = await api.pool.acquire()
        transaction = holder.transaction()
        await transaction.start()
        await holder.fetch("SELECT * FROM public.posts")
        began = time.monotonic()
        changing = asyncio.create_task(
            changes.root.patch(f"{URL}/posts", json={"fields": [TITLE | {"type": "number"}]})
        )
        slowest = await slowest_read(api, changing)
        answer = await changing
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"] == "1"
        assert 1.0 < time.monotonic() - began < 6
        assert slowest < 1.0
        await transaction.rollback()
        api.pool.release(holder)
        assert await changes.trash() == []
        assert (await changes.get("posts"))["fields"][1]["type"] == "text"
        await changes.change("posts", fields=[TITLE | {"type": "number"}])


async def slowest_read(api: Api, until: "asyncio.Task[Any]") -> float:
    slowest = 0.0
    while not until.done():
        began = time.monotonic()
        answer = await api.root.get(f"{URL}/posts/records")
        assert answer.status_code == 200, answer.text
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.01)
    return slowest


async def test_a_lock_that_comes_free_in_time_is_no_failure(changes: Changes):
    await changes.make("posts", TITLE)
    holder = await changes.api.pool.acquire()
    transaction = holder.transaction()
    await transaction.start()
    await holder.fetch("SELECT * FROM public.posts")
    changing = asyncio.create_task(changes.change_field("posts", "title", type="number"))
    await asyncio.sleep(1.5)
    await transaction.rollback()
    changes.api.pool.release(holder)
    assert (await changing)["fields"][1]["type"] == "number"


async def test_a_change_that_takes_too_long_is_undone_and_says_so(database: str, tmp_path: Path):
    async with running(database, tmp_path, statement_timeout_ms=200) as api:
        changes = Changes(api)
        await changes.make("posts", TITLE)
        async with changes.connection() as connection:
            await connection.execute("SET statement_timeout = 0")
            await connection.execute(
                "INSERT INTO public.posts SELECT 'r' || n, repeat('x', 300) FROM generate_series(1, 200000) AS n"
            )
            await connection.execute("SET statement_timeout = 200")
        fields = await changes.with_field("posts", "title", type="json")
        body = refused(await changes.root.patch(f"{URL}/posts", json={"fields": fields}), 503, "unavailable")
        assert "statement_timeout_ms" in body["message"]
        assert (await changes.get("posts"))["fields"][1]["type"] == "text"


async def test_rows_written_while_a_type_changes_are_not_lost(changes: Changes):
    await changes.make("posts", TITLE)
    written: list[str] = []
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            answer = await changes.root.post(f"{URL}/posts/records", json={"title": "5"})
            if answer.status_code == 200:
                written.append(answer.json()["id"])

    writers = [asyncio.create_task(write()) for _ in range(3)]
    for kind in ("number", "text", "json", "text"):
        await asyncio.sleep(0.1)
        await changes.change_field("posts", "title", type=kind)
    stop.set()
    await asyncio.gather(*writers)
    assert len(written) > 10
    assert sorted(await changes.rows("SELECT id FROM public.posts")) == sorted(written)


async def test_a_change_whose_connection_breaks_leaves_nothing_behind(
    changes: Changes, monkeypatch: pytest.MonkeyPatch
):
    before = await changes.outline()

    async def broken(tx: Any, old: Any, new: Any) -> Any:
        tx.connection.terminate()
        await tx.execute(store.raw("SELECT 1"))

    monkeypatch.setattr(store, "write", broken)
    answer = await changes.root.post(URL, json={"name": "posts", "fields": [TITLE]})
    assert answer.status_code == 503, answer.text
    assert await changes.outline() == before
