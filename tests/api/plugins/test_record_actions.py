"""Record actions of plugins: listed, done to records at once and as a job, each record by itself."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from client import Api, in_one_loop, refused
from job_worker import until
from plugged import plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

POSTS = "/api/collections/posts"
PUBLISH = f"{POSTS}/actions/words.publish"
HOOKS = """
    def actions(self):
        return (
            RecordAction(
                name="publish", label="Publish", run=self.publish, collections=["posts"],
                description="Sets the state.", confirm="Readers get a mail.",
            ),
            RecordAction(name="alone", label="One alone", run=self.count, collections=("posts",), many=False),
            RecordAction(name="count", label="Count", run=self.count, collections=lambda settings: settings.counted),
            RecordAction(name="anywhere", label="Anywhere", run=self.count),
        )
    async def publish(self, ctx, record):
        await ctx.records.update("posts", record["id"], {"state": "public"})
        await ctx.records.create("notes", {"about": f"{ctx.who.kind} {ctx.collection.name} {bool(ctx.request_id)}"})
        word = record["word"]
        if word == "refused":
            raise ValidationFailed({"word": Problem("validation_banned_word", "Nobody wants to read this.")})
        if word == "broken":
            raise KeyError(word)
        if word == "returns":
            return 5
    async def count(self, ctx, record):
        await ctx.records.create("notes", {"about": record["id"]})
"""
ATTRIBUTES = """
    class Settings(msgspec.Struct, frozen=True):
        counted: list[str] = []
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    data: Path = tmp_path_factory.mktemp("actions")
    async with plugged(dsn, data, HOOKS, attributes=ATTRIBUTES, background=True) as made:
        await made.define("posts", [{"name": name, "type": "text"} for name in ("word", "state")])
        await made.define("notes", [{"name": "about", "type": "text"}])
        closed = dict.fromkeys(("createRule", "updateRule", "deleteRule"))
        await made.define("seen", type="view", viewQuery="SELECT id, word FROM posts", **closed)
        yield made
    await drop_database(cluster, dsn)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _empty(api: Api) -> AsyncIterator[None]:
    yield
    for name in ("posts", "notes"):
        await api.root.delete(f"/api/collections/{name}/truncate")
    await api.root.patch("/api/plugins/words", json={"enabled": True})
    await api.root.patch("/api/plugins/words/settings", json={"counted": []})


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


async def written(api: Api, *words: str) -> list[str]:
    """Posts with these words; their ids."""
    return [(await api.create("posts", word=word, state="draft"))["id"] for word in words]


async def states(api: Api) -> dict[str, str]:
    """The state of each post, by its word."""
    items = (await api.root.get(f"{POSTS}/records")).json()["items"]
    return {item["word"]: item["state"] for item in items}


async def notes(api: Api) -> list[str]:
    items = (await api.root.get("/api/collections/notes/records")).json()["items"]
    return [item["about"] for item in items]


async def ran(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.root.post(PUBLISH, json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["matched"] == found["done"] + found["skipped"] + found["failed"] + found["left"]
    return found


async def promised(api: Api, **body: Any) -> str:
    answer = await api.root.post(f"{POSTS}/bulks", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def ended(api: Api, id: str) -> dict[str, Any]:
    """A job once it has ended."""

    async def has_ended() -> bool:
        return (await api.root.get(f"{POSTS}/bulks/{id}")).json()["state"] != "running"

    await until(has_ended, seconds=60)
    return (await api.root.get(f"{POSTS}/bulks/{id}")).json()


@asynccontextmanager
async def held(api: Api, id: str, word: str) -> AsyncGenerator[None]:
    """A post that is changed at the end of the block; before that an action on it waits."""
    holder = await api.pool.connect()
    try:
        async with holder.transaction():
            await holder.execute("UPDATE posts SET word = $2 WHERE id = $1", id, word)
            yield
    finally:
        await holder.close()


async def waiting(api: Api) -> None:
    """Wait until an action waits for a post that is held."""
    looker = await api.pool.connect()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'FOR NO KEY UPDATE'"
    try:
        async with asyncio.timeout(30):
            while not await looker.fetchval(waits):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await looker.close()


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
    await ran(api, where={})
    [entry] = (await api.root.get("/api/audit", params={"action": "record.action_run", "limit": 1})).json()["items"]
    assert entry["target"]["name"] == "posts"
    assert entry["details"] == {"action": "words.publish", "matched": 2}


@in_one_loop
async def test_an_action_that_is_sent_again_with_its_key_is_done_once(api: Api):
    await written(api, "one")
    key = {"Idempotency-Key": "publish-once"}
    first, again = [await api.root.post(PUBLISH, json={"where": {}}, headers=key) for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    assert len(await notes(api)) == 1


@in_one_loop
async def test_a_job_does_an_action_to_each_record_and_reports(api: Api):
    _, failing, _ = await written(api, "one", "refused", "three")
    counted = (await api.root.post(f"{POSTS}/bulks/count", json={"where": {}, "action": "words.publish"})).json()
    assert counted == {"matched": 3, "dryRun": True, "dependants": []}
    found = await ended(api, await promised(api, where={}, action="words.publish", expect=3))
    assert (found["state"], found["action"], found["delete"]) == ("done", "words.publish", False)
    assert (found["matched"], found["done"], found["failed"], found["left"]) == (3, 2, 1, 0)
    assert [(one["id"], one["field"], one["message"]) for one in found["told"]] == [
        (failing, "word", "Nobody wants to read this.")
    ]
    assert await states(api) == {"one": "public", "refused": "draft", "three": "public"}


@in_one_loop
async def test_a_job_with_an_action_is_audited_with_its_name(api: Api):
    await written(api, "one")
    id = await promised(api, where={}, action="words.publish")
    [entry] = (await api.root.get("/api/audit", params={"action": "bulk.started", "limit": 1})).json()["items"]
    assert entry["details"] == {"id": id, "matched": 1, "set": None, "delete": False, "action": "words.publish"}
    await ended(api, id)


@in_one_loop
async def test_a_job_ends_with_a_reason_when_its_plugin_is_turned_off(api: Api):
    first, _ = await written(api, "one", "two")
    async with held(api, first, "one"):
        id = await promised(api, where={}, action="words.publish")
        await waiting(api)
        await api.root.patch("/api/plugins/words", json={"enabled": False})
    found = await ended(api, id)
    assert (found["state"], found["done"], found["left"]) == ("failed", 1, 1)
    assert "The plugin words is off" in found["message"]


@in_one_loop
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"where": {}, "action": "words.publish", "delete": True}, 400, "validation_failed", id="delete"),
        pytest.param(
            {"where": {}, "action": "words.publish", "set": {"word": "x"}}, 400, "validation_failed", id="set"
        ),
        pytest.param({"where": {}, "action": 5}, 400, "validation_failed", id="no name"),
        pytest.param({"where": {}, "action": "words.alone"}, 400, "bad_request", id="one alone"),
        pytest.param({"where": {}, "action": "words.gone"}, 404, "not_found", id="no such action"),
    ],
)
async def test_a_job_with_an_action_that_cannot_be_is_not_promised(api: Api, body: Any, status: int, code: str):
    await written(api, "one", "two")
    refused(await api.root.post(f"{POSTS}/bulks", json=body), status, code)
    assert (await api.root.get("/api/bulks")).json()["items"] == []


@in_one_loop
async def test_a_job_with_an_action_that_was_cancelled_undoes_the_record_that_it_is_at(api: Api):
    first, _ = await written(api, "one", "two")
    async with held(api, first, "one"):
        id = await promised(api, where={}, action="words.publish")
        await waiting(api)
        assert (await api.root.delete(f"{POSTS}/bulks/{id}")).status_code == 204
    found = await ended(api, id)
    assert (found["state"], found["done"], found["left"]) == ("cancelled", 0, 2)

    async def is_over() -> bool:
        return await chunks(api) == 0

    await until(is_over, seconds=60)
    assert await states(api) == {"one": "draft", "two": "draft"}


async def chunks(api: Api) -> int:
    """How many chunks of records wait for a job."""
    looker = await api.pool.connect()
    try:
        return await looker.fetchval("SELECT count(*) FROM holdfast.bulk_chunks")
    finally:
        await looker.close()


@in_one_loop
async def test_records_that_were_deleted_or_changed_since_the_promise_are_skipped(api: Api):
    first, gone, other = await written(api, "one", "gone", "other")
    async with held(api, first, "one"):
        id = await promised(api, where={"filter": "state = 'draft'"}, action="words.publish")
        await waiting(api)
        assert (await api.root.delete(f"{POSTS}/records/{gone}")).status_code == 204
        assert (await api.root.patch(f"{POSTS}/records/{other}", json={"state": "kept"})).status_code == 200
    found = await ended(api, id)
    told = {one["id"]: (one["outcome"], one["code"]) for one in found["told"]}
    assert told == {gone: ("skipped", "not_found"), other: ("skipped", "no_longer_matches")}


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
