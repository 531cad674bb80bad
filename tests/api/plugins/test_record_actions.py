"""Record actions of plugins: listed, and done to records while somebody waits, each record by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from client import Api, in_one_loop, refused
from plugged import plugged
from postgres import Cluster
from publishing import POSTS, PUBLISH, held, notes, publishing, states, tidy, waiting, written


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with publishing(cluster, tmp_path_factory.mktemp("actions")) as made:
        yield made


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _tidied(api: Api) -> AsyncIterator[None]:
    yield
    await tidy(api)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


async def ran(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.root.post(PUBLISH, json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["matched"] == found["done"] + found["skipped"] + found["failed"] + found["left"]
    return found


async def names(api: Api, collection: str) -> list[str]:
    answer = await api.root.get(f"/api/collections/{collection}/actions")
    return [one["name"] for one in answer.json()["items"]]


@in_one_loop
async def test_the_actions_of_a_collection_are_listed_as_the_plugin_has_them(api: Api):
    found = (await api.root.get(f"{POSTS}/actions")).json()["items"]
    assert found[0] == {
        "name": "words.publish",
        "plugin": "words",
        "label": "Publish",
        "description": "Sets the state.",
        "confirm": "Readers get a mail.",
        "many": True,
    }
    assert [one["name"] for one in found] == ["words.publish", "words.alone", "words.anywhere"]


@in_one_loop
async def test_the_list_of_plugins_names_their_actions(api: Api):
    found = (await api.root.get("/api/plugins/words")).json()
    assert found["actions"] == ["words.publish", "words.alone", "words.count", "words.anywhere"]


@in_one_loop
async def test_an_action_for_the_collections_of_the_settings_comes_and_goes_with_them(api: Api):
    assert await names(api, "notes") == ["words.anywhere"]
    await api.root.patch("/api/plugins/words/settings", json={"counted": ["notes"]})
    assert await names(api, "notes") == ["words.count", "words.anywhere"]


@in_one_loop
@pytest.mark.parametrize("collection", ["seen", "_superusers"])
async def test_no_action_is_for_views_and_for_the_servers_own_collections_unless_named(api: Api, collection: str):
    assert await names(api, collection) == []


@in_one_loop
async def test_an_action_is_done_to_records_by_their_ids(api: Api):
    first, _ = await written(api, "one", "two")
    found = await ran(api, ids=[first, "nosuchrecord000"])
    assert (found["matched"], found["done"], found["told"]) == (1, 1, [])
    assert await states(api) == {"one": "public", "two": "draft"}


@in_one_loop
async def test_an_action_is_done_to_what_a_filter_finds(api: Api):
    await written(api, "one", "two", "three")
    found = await ran(api, where={"filter": "word ~ {:w}", "p": {"w": "t%"}}, expect=2)
    assert (found["matched"], found["done"]) == (2, 2)
    assert await states(api) == {"one": "draft", "two": "public", "three": "public"}


@in_one_loop
async def test_a_dry_run_of_an_action_counts_and_does_nothing(api: Api):
    await written(api, "one", "two")
    found = await ran(api, where={}, dryRun=True)
    assert (found["matched"], found["left"], found["dryRun"]) == (2, 2, True)
    assert (await states(api), await notes(api)) == ({"one": "draft", "two": "draft"}, [])


@in_one_loop
async def test_the_plugin_is_told_who_asks_and_writes_as_itself(api: Api):
    await written(api, "one")
    await ran(api, where={})
    assert await notes(api) == ["superuser posts True"]


@in_one_loop
@pytest.mark.parametrize(
    ("word", "field", "code", "message"),
    [
        ("refused", "word", "validation_banned_word", "Nobody wants to read this."),
        ("broken", "", "internal", "The plugin words failed in the action publish: KeyError: 'broken'."),
        ("returns", "", "internal", "The plugin words failed in the action publish: it gave back a value of type int"),
    ],
)
async def test_an_action_that_fails_for_one_record_is_undone_there_and_told_of_it(
    api: Api, word: str, field: str, code: str, message: str
):
    _, failing, _ = await written(api, "one", word, "three")
    found = await ran(api, where={})
    assert (found["done"], found["failed"]) == (2, 1)
    told = found["told"][0]
    assert (told["id"], told["outcome"], told["field"], told["code"]) == (failing, "failed", field, code)
    assert told["message"].startswith(message)
    assert await states(api) == {"one": "public", word: "draft", "three": "public"}
    assert len(await notes(api)) == 2


@in_one_loop
async def test_an_action_waits_for_a_record_that_is_being_changed_and_sees_it_as_it_is_then(api: Api):
    [id] = await written(api, "one")
    async with held(api, id, "refused"):
        asked = asyncio.create_task(ran(api, ids=[id]))
        await waiting(api)
    assert (await asked)["failed"] == 1


@in_one_loop
@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        pytest.param("words.publish", {}, 400, "validation_failed", id="no records"),
        pytest.param("words.publish", {"ids": [], "where": {}}, 400, "validation_failed", id="both ways"),
        pytest.param("words.publish", {"where": {}, "set": {"word": "x"}}, 400, "validation_failed", id="a change"),
        pytest.param("words.publish", {"where": {"filter": "no = 1"}}, 400, "invalid_filter", id="a wrong filter"),
        pytest.param("words.publish", {"where": {}, "expect": 3}, 412, "precondition_failed", id="another number"),
        pytest.param("words.alone", {"where": {}}, 400, "bad_request", id="too many for it"),
        pytest.param("words.count", {"where": {}}, 404, "not_found", id="not for this collection"),
        pytest.param("words.nothing", {"where": {}}, 404, "not_found", id="no such action"),
        pytest.param("nothing", {"where": {}}, 404, "not_found", id="no such plugin"),
    ],
)
async def test_what_cannot_be_asked_of_an_action_is_refused(api: Api, path: str, body: Any, status: int, code: str):
    await written(api, "one", "two")
    refused(await api.root.post(f"{POSTS}/actions/{path}", json=body), status, code)
    assert await notes(api) == []


@in_one_loop
async def test_more_records_than_go_at_once_are_for_a_job(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("holdfast.records.action_run.MOST_AT_ONCE", 1)
    await written(api, "one", "two", "three")
    assert (await ran(api, where={}, dryRun=True))["matched"] == 3
    assert "bulks" in refused(await api.root.post(PUBLISH, json={"where": {}}), 400, "bad_request")["message"]


@in_one_loop
async def test_what_takes_too_long_in_one_answer_is_left(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("holdfast.records.action_run.MOST_SECONDS", -1.0)
    await written(api, "one")
    found = await ran(api, where={})
    assert (found["done"], found["left"]) == (0, 1)
    assert "It took long" in found["message"]


@in_one_loop
async def test_actions_are_for_superusers(api: Api):
    refused(await api.guest.get(f"{POSTS}/actions"), 401, "unauthenticated")
    refused(await api.guest.post(PUBLISH, json={"where": {}}), 401, "unauthenticated")


@in_one_loop
async def test_an_action_of_a_plugin_that_is_off_is_neither_listed_nor_done(api: Api):
    await written(api, "one")
    await api.root.patch("/api/plugins/words", json={"enabled": False})
    assert await names(api, "posts") == []
    body = refused(await api.root.post(PUBLISH, json={"where": {}}), 404, "not_found")
    assert "The plugin words is off" in body["message"]
    refused(await api.root.post(f"{POSTS}/bulks", json={"where": {}, "action": "words.publish"}), 404, "not_found")


@in_one_loop
async def test_an_action_that_was_run_is_audited(api: Api):
    await written(api, "one", "two")
    answer = await api.root.post(PUBLISH, json={"where": {}}, headers={"X-Client": "importer/2.1"})
    assert answer.status_code == 200, answer.text
    [entry] = (await api.root.get("/api/audit", params={"action": "record.action_run", "limit": 1})).json()["items"]
    assert (entry["target"]["name"], entry["client"]) == ("posts", "importer/2.1")
    assert entry["details"] == {"action": "words.publish", "matched": 2}


@in_one_loop
async def test_an_action_with_an_idempotency_key_is_refused_and_does_nothing(api: Api):
    await written(api, "one")
    answer = await api.root.post(PUBLISH, json={"where": {}}, headers={"Idempotency-Key": "publish-once"})
    assert "POST …/bulks" in refused(answer, 400, "bad_request")["message"]
    assert await notes(api) == []


async def test_an_action_of_a_plugin_that_starts_just_now_is_asked_for_again(database: str, tmp_path: Path):
    hook = """
    def actions(self):
        return (RecordAction(name="publish", label="Publish", run=self.publish),)
    async def publish(self, ctx, record):
        pass
    async def startup(self, ctx):
        await ctx.fetch(raw("SELECT pg_advisory_xact_lock(77)"))
    """
    async with plugged(database, tmp_path, hook) as api:
        await api.define("posts", [{"name": "word", "type": "text"}])
        await api.root.patch("/api/plugins/words", json={"enabled": False})
        holder = await api.pool.connect()
        await holder.execute("SELECT pg_advisory_lock(77)")
        starting = asyncio.create_task(api.root.patch("/api/plugins/words", json={"enabled": True}))
        async with asyncio.timeout(30):
            while not await holder.fetchval("SELECT count(*) FROM pg_locks WHERE objid = 77 AND NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        body = refused(await api.root.post(PUBLISH, json={"where": {}}), 503, "unavailable")
        await holder.close()
        assert "has not started yet" in body["message"]
        assert (await starting).json()["active"] is True
        assert (await api.root.post(PUBLISH, json={"where": {}})).json()["matched"] == 0
