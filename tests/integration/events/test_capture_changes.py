"""Capture follows the collection through whatever becomes of it, and is put in where it is missing."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from client import in_one_loop
from event_log import Log, opened
from holdfast.collections.capturing import ensure_captured, fittings, uncaptured
from holdfast.config import Settings
from holdfast.doctor.examination import examine
from holdfast.events.event import Event
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT
from writing_server import Server, serve

pytestmark = in_one_loop
TITLE = {"id": "text0title00001", "name": "title", "type": "text"}
COUNT = {"id": "number0count001", "name": "count", "type": "number"}
ANYONE = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")


class Shop:
    """A server with a collection, and the log of what is done to its records."""

    def __init__(self, server: Server, log: Log) -> None:
        self.server = server
        self.log = log
        self.name = "things"

    async def change(self, **given: Any) -> None:
        answer = await self.server.root.patch(f"/collections/{self.name}", json=given)
        assert answer.status_code == 200, answer.text
        self.name = answer.json()["name"]

    async def made(self, **values: Any) -> list[Event]:
        """The events of a new record."""
        await self.log.settled()  # what another test has left may wait for its number
        before = await self.log.feed.position()
        await self.server.made(self.name, **values)
        return await self.log.events(before)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mall(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The server of all tests."""
    dsn = await make_database(cluster, PROJECT)
    async with serve(dsn, tmp_path_factory.mktemp("mall")) as server, opened(dsn) as log:
        log.relay()
        yield Shop(server, log)
    await drop_database(cluster, dsn)


@pytest_asyncio.fixture(loop_scope="module")
async def shop(mall: Shop) -> AsyncIterator[Shop]:
    """A new collection of this name, which goes without a trace."""
    made = Shop(mall.server, mall.log)
    await mall.server.define({"name": made.name, "fields": [TITLE, COUNT], **ANYONE})
    yield made
    assert (await mall.server.root.delete(f"/collections/{made.name}")).status_code == 204
    for kept in (await mall.server.root.get("/collections/trash")).json()["items"]:
        await mall.server.root.delete(f"/collections/trash/{kept['id']}")


def record(event: Event) -> dict[str, Any]:
    return msgspec.json.decode(event.record)


async def test_a_renamed_collection_and_field_go_by_their_new_names(shop: Shop):
    await shop.made(title="a")
    await shop.change(name="goods", fields=[{**TITLE, "name": "label"}, COUNT])
    (event,) = await shop.made(label="b")
    assert (event.type, event.collection, record(event)["label"]) == ("goods.created", "goods", "b")


async def test_two_fields_that_change_their_names_keep_their_values_apart(shop: Shop):
    both = [{**TITLE, "name": "count"}, {**COUNT, "name": "title"}]
    await shop.change(fields=both)
    (event,) = await shop.made(title=3, count="three")
    assert (record(event)["title"], record(event)["count"]) == (3, "three")


async def test_a_field_of_another_type_a_new_one_and_a_dropped_one_are_captured_as_they_are(shop: Shop):
    await shop.made(title="12", count=4)
    added = {"name": "due", "type": "date"}
    await shop.change(fields=[{**TITLE, "id": "text0title00001", "type": "number"}, added])
    (event,) = await shop.made(title=5, due="2026-01-02")
    assert {"title": 5, "due": "2026-01-02 00:00:00.000Z"}.items() <= record(event).items()
    assert "count" not in record(event)


async def test_what_a_change_of_the_collection_does_to_rows_is_no_change_of_records(shop: Shop):
    await shop.made(title="12")
    before = await shop.log.feed.position()
    await shop.change(fields=[{**TITLE, "type": "select", "values": ["x"], "maxSelect": 1}, COUNT])
    await shop.change(fields=[{**TITLE, "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1}, COUNT])
    assert await shop.log.events(before) == []


async def test_a_field_that_is_hidden_stays_out_of_the_log_from_then_on(shop: Shop):
    await shop.change(fields=[{**TITLE, "hidden": True}, COUNT])
    (event,) = await shop.made(title="sesame", count=1)
    assert "title" not in record(event)


async def test_events_can_be_switched_off_and_on(shop: Shop):
    await shop.change(events=False)
    assert await shop.made(title="a") == []
    gone = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'things'::regclass AND tgname LIKE 'hf_ev_%'"
    assert await shop.log.connection.fetchval(gone) == 0
    await shop.change(events=True)
    assert len(await shop.made(title="b")) == 1


async def test_a_collection_that_comes_back_from_the_trash_is_captured_again(shop: Shop):
    await shop.made(title="a")
    before = await shop.log.feed.position()
    assert (await shop.server.root.delete("/collections/things")).status_code == 204
    (kept,) = (await shop.server.root.get("/collections/trash")).json()["items"]
    answer = await shop.server.root.post(f"/collections/trash/{kept['id']}/restore")
    assert answer.status_code == 200, answer.text
    assert await shop.log.events(before) == []
    assert len(await shop.made(title="b")) == 1


async def test_a_collection_that_is_emptied_is_one_event(shop: Shop):
    await shop.made(title="a")
    before = await shop.log.feed.position()
    assert (await shop.server.root.delete("/collections/things/truncate")).status_code == 204
    assert await shop.log.types(before) == ["things.truncated"]


WRONG = {
    "an older Holdfast had none": ("DROP FUNCTION holdfast.{function} CASCADE", "missing"),
    "somebody dropped a trigger": ("DROP TRIGGER hf_ev_delete ON things", "missing"),
    "somebody wrote another function": (
        "CREATE OR REPLACE FUNCTION holdfast.{function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        " AS 'BEGIN RETURN NULL; END'",
        "changed",
    ),
    "somebody made it run with the writer's rights": (
        "ALTER FUNCTION holdfast.{function}() SECURITY INVOKER",
        "changed",
    ),
}


@pytest.mark.parametrize(("statement", "fault"), WRONG.values(), ids=WRONG.keys())
async def test_the_doctor_finds_what_does_not_capture_and_a_start_puts_it_in(shop: Shop, statement: str, fault: str):
    log, pool = shop.log, shop.server.api.pool
    function = await log.connection.fetchval(
        "SELECT proname FROM pg_proc JOIN pg_trigger ON tgfoid = pg_proc.oid"
        " WHERE tgrelid = 'things'::regclass AND tgname = 'hf_ev_create'"
    )
    await log.connection.execute(statement.format(function=function))
    await shop.server.engine.live.reload()
    found = uncaptured(shop.server.engine.catalog, await fittings(log.connection))
    assert [(one.collection.name, one.fault) for one in found] == [("things", fault)]
    assert "things" in (await said(log.dsn))[0]
    assert await ensure_captured(pool, Settings()) == ["things"]
    assert await ensure_captured(pool, Settings()) == []
    assert await said(log.dsn) == []
    assert len(await shop.made(title="a")) == 1


@pytest.mark.parametrize("way", ["DISABLE", "ENABLE", "ENABLE REPLICA"], ids=["off", "not always", "replicas alone"])
async def test_a_trigger_that_is_off_stays_off_and_the_doctor_says_how_it_is_switched_on(shop: Shop, way: str):
    log = shop.log
    await log.connection.execute(f"ALTER TABLE things {way} TRIGGER hf_ev_create")
    assert await ensure_captured(shop.server.api.pool, Settings()) == []
    (advice,) = await said(log.dsn)
    assert "hf_ev_create of things" in advice
    cure = 'ALTER TABLE public."things" ENABLE ALWAYS TRIGGER "hf_ev_create"'
    assert cure in advice
    await log.connection.execute(cure)
    assert await said(log.dsn) == []


async def said(dsn: str) -> list[str]:
    """What the doctor finds broken in capture."""
    findings = await examine(Settings(database_url=dsn), dsn)
    return [f"{one.found} {one.advice}" for one in findings if one.about == "events" and one.state == "broken"]
