"""Writes that meet something else: a change of their collection, a long delete, a lock that somebody holds."""

import asyncio
import json

import msgspec
import pytest

from holdfast.catalog import store
from holdfast.db.pool import Pool
from holdfast.errors import ApiError
from holdfast.events import capture
from holdfast.records import write_service
from holdfast.records.batch import run_batch
from holdfast.records.batch_reading import read_batch
from holdfast.records.retry import with_retries
from holdfast.records.write_service import Write
from holdfast.rules.facts import Facts
from writing_server import ROOT, Server


@pytest.fixture
async def things(writing: Server) -> Server:
    fields = [{"name": "old", "type": "text"}, {"name": "n", "type": "number"}]
    await writing.define({"id": "things", "name": "things", "type": "base", "createRule": "", "fields": fields})
    return writing


async def rename_field(server: Server) -> None:
    """Another process renames `old` to `new`, and this one has not heard of it yet."""
    catalog = server.engine.catalog
    things = catalog.get("things")
    fields = tuple(
        msgspec.structs.replace(field, name="new") if field.name == "old" else field for field in things.fields
    )
    after = [msgspec.structs.replace(one, fields=fields) if one is things else one for one in catalog.collections]
    async with server.engine.pool.transaction() as tx:
        await tx.execute(capture.drop(capture.function_name(things)))
        await tx.connection.execute("ALTER TABLE things RENAME COLUMN old TO new")
        await tx.execute(capture.create(msgspec.structs.replace(things, fields=fields)))
        await store.write(tx, catalog, after)


async def test_a_batch_that_was_overtaken_by_a_change_is_done_after_it(things: Server):
    record = await things.made("things", old="a")
    await rename_field(things)
    path = "/api/collections/things/records"
    parts = read_batch(
        {
            "requests": [
                {"method": "PATCH", "url": f"{path}/{record['id']}", "body": {"new": "b", "old": "b"}},
                {"method": "POST", "url": path, "body": {"new": "c"}},
            ]
        },
        2,
    )
    seen: list[int] = []

    async def answer() -> bytes:
        catalog = things.engine.catalog
        seen.append(catalog.version)
        async with things.engine.pool.transaction() as tx:
            return await run_batch(things.engine, catalog, Facts(who=ROOT), parts, tx)

    answers = json.loads(await with_retries(things.engine, answer))
    assert [one["body"]["new"] for one in answers] == ["b", "c"]
    assert seen == [seen[0], seen[0] + 1]
    assert await things.rows("SELECT new FROM things ORDER BY new") == [{"new": "b"}, {"new": "c"}]


async def test_a_delete_that_takes_longer_than_a_read_may_is_given_the_time_of_a_write(things: Server, database: str):
    record = await things.made("things", old="a")
    await things.rows(
        "CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN OLD; END $$"
    )
    await things.rows("CREATE TRIGGER slowly BEFORE DELETE ON things FOR EACH ROW EXECUTE FUNCTION public.slowly()")
    pool = Pool(database, size=1, settings={"statement_timeout": "200"})
    engine = msgspec.structs.replace(things.engine, pool=pool)
    catalog = engine.catalog
    await write_service.delete(
        engine, Write(catalog=catalog, collection=catalog.get("things"), who=ROOT, id=record["id"])
    )
    await pool.close()
    assert await things.rows("SELECT id FROM things") == []


async def test_a_record_that_somebody_holds_is_503_after_the_time_for_locks(things: Server, database: str):
    record = await things.made("things", old="a")
    pool = Pool(database, size=2, settings={"lock_timeout": "200"})
    engine = msgspec.structs.replace(things.engine, pool=pool)
    catalog = engine.catalog
    write = Write(
        catalog=catalog, collection=catalog.get("things"), who=ROOT, id=record["id"], body={"n+": 1, "old": "b"}
    )
    async with things.engine.pool.transaction() as tx:
        await tx.connection.execute("UPDATE things SET n = 5")
        front = await asyncio.gather(write_service.update(engine, write), return_exceptions=True)
    await pool.close()
    failure = front[0]
    assert not isinstance(failure, ApiError)
    assert getattr(failure, "sqlstate", "") == "55P03"
    assert await things.rows("SELECT n, old FROM things") == [{"n": 5.0, "old": "a"}]
