"""Jobs of plugins: promised in the transaction of a request, done after it, shown and steered over the API."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from client import Api, in_one_loop, refused
from plugged import plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

POSTS = "/api/collections/posts/records"
JOBS = "/api/jobs"
HEAD = """
from datetime import UTC, datetime, timedelta
class Post(msgspec.Struct):
    id: str
    word: str = ""
class Other(msgspec.Struct):
    id: str
"""
HOOKS = """
    seen = []
    def jobs(self):
        return (
            Job("note", Post, self.note, attempts=2, pause_seconds=0),
            Job("stuck", Post, self.stuck, seconds=0.3, attempts=1),
            Job("later", Post, self.note),
        )
    def schedules(self):
        return (
            Schedule("nightly", "30 3 * * *", self.nightly, timezone="Europe/Berlin"),
            Schedule("often", lambda settings: settings.when, self.nightly),
        )
    async def note(self, ctx, post):
        if post.word == "gives up":
            raise GiveUp("This can never be.")
        if post.word == "refuses":
            raise BadRequest("Not like this.")
        if post.word == "breaks":
            raise KeyError(post.id)
        if post.word == "cancelled":
            raise asyncio.CancelledError
        if post.word == "returns":
            return 5
        if post.word == "later" and ctx.job.attempt == 1:
            raise TryLater(0)
        async with ctx.transaction() as tx:
            about = f"{ctx.job.name} {ctx.job.attempt}/{ctx.job.attempts} {ctx.who.kind} {bool(ctx.request_id)}"
            await tx.records.create("notes", {"post": post.id, "about": about})
            if post.word == "nests":
                await tx.enqueue("note", Post(post.id))
    async def stuck(self, ctx, post):
        if post.word == "blocks":
            time.sleep(1.2)
        await asyncio.sleep(30)
    async def nightly(self, ctx):
        await ctx.records.create("notes", {"post": "nightly", "about": ctx.job.name})
    async def record_after_create(self, ctx, record):
        if ctx.collection.name != "posts":
            return
        word = record.values["word"]
        post = Post(record.id, word)
        if word in ("stuck", "blocks"):
            await ctx.enqueue("stuck", post)
        elif word == "wrong payload":
            await ctx.enqueue("note", Other(record.id))
        elif word == "no such job":
            await ctx.enqueue("notes", post)
        elif word == "no zone":
            await ctx.enqueue("note", post, at=datetime.now())
        elif word == "no priority":
            await ctx.enqueue("note", post, priority="urgent")
        elif word == "no key":
            await ctx.enqueue("note", post, key="")
        elif word in ("a key", "a key again"):
            await ctx.enqueue("later", post, key="k", at=timedelta(hours=1), priority="low")
        elif word == "at":
            await ctx.enqueue("later", post, at=datetime(2100, 1, 1, tzinfo=UTC), priority="high")
        else:
            await ctx.enqueue("note", post)
        if word == "undone":
            raise BadRequest("No.")
"""
ATTRIBUTES = """
    class Settings(msgspec.Struct, frozen=True):
        when: str = "@hourly"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    dsn = await make_database(cluster, PROJECT)
    data: Path = tmp_path_factory.mktemp("jobs")
    async with plugged(dsn, data, HOOKS, head=HEAD, attributes=ATTRIBUTES, background=True) as made:
        await made.define("posts", [{"name": "word", "type": "text"}])
        await made.define("notes", [{"name": "post", "type": "text"}, {"name": "about", "type": "text"}])
        yield made
    await drop_database(cluster, dsn)


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


async def post(api: Api, word: str) -> str:
    answer = await api.guest.post(POSTS, json={"word": word})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def notes(api: Api, id: str, count: int = 1) -> list[str]:
    """What the plugin has noted about a post, once it is so much."""
    async with asyncio.timeout(10):
        while True:
            query = {"filter": f"post = '{id}'", "sort": "@rowid"}
            items = (await api.root.get("/api/collections/notes/records", params=query)).json()["items"]
            if len(items) >= count:
                return [item["about"] for item in items]
            await asyncio.sleep(0.03)


async def job_of(api: Api, id: str, *states: str) -> dict[str, Any]:
    """The newest job about a post, once it is in one of these states."""
    async with asyncio.timeout(10):
        while True:
            items = (await api.root.get(JOBS, params={"plugin": "words"})).json()["items"]
            found = next((item for item in items if item["payload"].get("id") == id), None)
            if found is not None and (not states or found["state"] in states):
                return found
            await asyncio.sleep(0.03)


@in_one_loop
async def test_a_job_is_done_after_the_commit_as_the_plugin_and_is_shown_when_done(api: Api):
    id = await post(api, "fine")
    assert await notes(api, id) == ["note 1/2 plugin True"]
    found = await job_of(api, id, "done")
    assert (await api.root.get(f"{JOBS}/{found['id']}")).json() == found
    times = {name: found.pop(name) for name in ("created", "started", "finished")}
    assert sorted(times.values()) == list(times.values())
    assert found.pop("request")
    assert found.pop("id").isdigit()
    assert found == {
        "name": "words.note",
        "plugin": "words",
        "state": "done",
        "priority": "normal",
        "key": "",
        "attempts": 1,
        "maxAttempts": 2,
        "error": "",
        "runAt": "",
        "payload": {"id": id, "word": "fine"},
    }


@in_one_loop
async def test_a_job_of_a_request_that_fails_never_was(api: Api):
    before = (await api.root.get(JOBS)).json()["items"]
    refused(await api.guest.post(POSTS, json={"word": "undone"}), 400, "bad_request")
    assert [item["id"] for item in (await api.root.get(JOBS)).json()["items"]] == [item["id"] for item in before]


@in_one_loop
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("wrong payload", "TypeError: the job note takes Post, not Other"),
        ("no such job", "ValueError: the plugin has no job 'notes', but later, nightly, note, often, stuck"),
        ("no zone", "ValueError: the time of a job needs a zone"),
        ("no priority", "ValueError: there is no priority 'urgent'"),
        ("no key", "ValueError: the key of a job has from 1 to 200 characters"),
    ],
)
async def test_what_can_be_no_job_is_the_plugins_fault(api: Api, word: str, reason: str):
    body = refused(await api.root.post(POSTS, json={"word": word}), 500, "internal")
    assert reason in str(body)


@in_one_loop
@pytest.mark.parametrize(
    ("word", "error", "attempts"),
    [
        ("gives up", "This can never be.", 1),
        ("refuses", "Not like this.", 2),
        ("breaks", "The plugin words failed in the job note: KeyError", 2),
        ("cancelled", "The plugin words failed in the job note: CancelledError", 2),
        ("stuck", "The plugin words failed in the job stuck: it took longer than 0.3 s.", 1),
        ("blocks", "The plugin words failed in the job stuck: it", 1),
    ],
)
async def test_a_job_that_fails_is_tried_again_then_dead_and_named_in_the_log(
    api: Api, lines: list[Any], word: str, error: str, attempts: int
):
    id = await post(api, word)
    found = await job_of(api, id, "dead")
    assert found["error"].startswith(error)
    assert found["attempts"] == attempts
    given_up = [line for line in lines if line["event"] == "a job is given up"]
    assert [(line["plugin"], line["log_level"], bool(line["request_id"])) for line in given_up] == [
        ("words", "error", True)
    ]
    again = [line for line in lines if line["event"] == "a job failed and is tried again"]
    assert len(again) == attempts - 1
    if word == "blocks":
        blocked = next(line for line in lines if line["event"].startswith("a plugin blocks the event loop"))
        assert blocked["plugin"] == "words"


@in_one_loop
async def test_what_a_job_gives_back_is_nobodys_business(api: Api):
    await job_of(api, await post(api, "returns"), "done")


@in_one_loop
async def test_a_job_can_ask_to_be_tried_later_and_promise_others(api: Api):
    assert await notes(api, await post(api, "later")) == ["note 2/2 plugin True"]
    id = await post(api, "nests")
    assert len(await notes(api, id, 2)) == 2


@in_one_loop
async def test_a_dead_job_can_be_retried_and_a_done_one_done_again(api: Api):
    dead = await job_of(api, await post(api, "gives up"), "dead")
    again = (await api.root.post(f"{JOBS}/{dead['id']}/retry")).json()
    assert (again["id"], again["state"], again["attempts"]) == (dead["id"], "waiting", 0)
    await job_of(api, dead["payload"]["id"], "dead")
    id = await post(api, "fine")
    done = await job_of(api, id, "done")
    copy = (await api.root.post(f"{JOBS}/{done['id']}/retry")).json()
    assert copy["id"] != done["id"]
    assert copy["payload"] == done["payload"]
    assert len(await notes(api, id, 2)) == 2
    audit = (await api.root.get("/api/audit", params={"action": "job.retried"})).json()["items"]
    assert {dead["id"], done["id"]} <= {entry["target"]["id"] for entry in audit}


@in_one_loop
async def test_a_job_that_waits_can_be_started_and_cancelled(api: Api):
    first, second = await post(api, "a key"), await post(api, "a key again")
    waiting = await job_of(api, second, "waiting")
    assert (waiting["key"], waiting["priority"], waiting["name"]) == ("k", "low", "words.later")
    assert waiting["runAt"] > waiting["created"]
    refused(await api.root.post(f"{JOBS}/{waiting['id']}/retry"), 400, "bad_request")
    started = await api.root.post(f"{JOBS}/{waiting['id']}/run")
    assert started.json()["runAt"] < waiting["runAt"]
    assert await notes(api, second) == ["later 1/10 plugin True"]
    assert (await api.root.get("/api/collections/notes/records", params={"filter": f"post = '{first}'"})).json()[
        "items"
    ] == []
    far = await job_of(api, await post(api, "at"), "waiting")
    assert (far["runAt"], far["priority"]) == ("2100-01-01 00:00:00.000Z", "high")
    assert (await api.root.delete(f"{JOBS}/{far['id']}")).status_code == 204
    refused(await api.root.get(f"{JOBS}/{far['id']}"), 404, "not_found")
    done = await job_of(api, second, "done")
    refused(await api.root.post(f"{JOBS}/{done['id']}/run"), 400, "bad_request")
    assert (await api.root.delete(f"{JOBS}/{done['id']}")).status_code == 204


@in_one_loop
async def test_a_dead_job_is_not_retried_while_another_waits_with_its_key(api: Api):
    id = await post(api, "a key")
    dead = await job_of(api, id, "waiting")
    connection = await api.pool.connect()
    await connection.execute("UPDATE holdfast.jobs SET dead = now() WHERE id = $1", int(dead["id"]))
    await connection.close()
    await post(api, "a key")
    refused(await api.root.post(f"{JOBS}/{dead['id']}/retry"), 409, "conflict")


@in_one_loop
async def test_jobs_are_listed_by_state_plugin_and_name_a_page_at_a_time(api: Api):
    for _ in range(3):
        await job_of(api, await post(api, "gives up"), "dead")
    page = (await api.root.get(JOBS, params={"state": "dead", "name": "words.note", "limit": 2})).json()
    assert [item["state"] for item in page["items"]] == ["dead", "dead"]
    assert page["next"] == page["items"][-1]["id"]
    more = (await api.root.get(JOBS, params={"state": "dead", "before": page["next"], "fields": "id"})).json()
    assert list(more["items"][0]) == ["id"]
    assert int(more["items"][0]["id"]) < int(page["next"])
    for nothing in ({"plugin": "nobody"}, {"name": "words.nothing"}, {"state": "running", "name": "words.note"}):
        assert (await api.root.get(JOBS, params=nothing)).json() == {"items": [], "next": None}


@in_one_loop
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"{JOBS}?state=late", 400),
        ("GET", f"{JOBS}/0", 404),
        ("GET", f"{JOBS}/{'9' * 30}", 404),
        ("POST", f"{JOBS}/x/retry", 404),
        ("POST", f"{JOBS}/x/run", 404),
        ("DELETE", f"{JOBS}/-1", 404),
        ("POST", "/api/crons/nothing", 404),
    ],
)
async def test_what_is_not_there_is_refused(api: Api, method: str, path: str, code: int):
    assert (await api.root.request(method, path)).status_code == code
    refused(await api.guest.request(method, path), 401, "unauthenticated")


@in_one_loop
async def test_schedules_are_listed_and_run_now(api: Api):
    found = {item["id"]: item for item in (await api.root.get("/api/crons")).json()}
    assert list(found)[:2] == ["words.nightly", "words.often"]
    nightly = found["words.nightly"]
    assert (nightly["expression"], nightly["timezone"], nightly["plugin"]) == ("30 3 * * *", "Europe/Berlin", "words")
    assert nightly["nextRun"][14:16] == "30"
    for one in (nightly, found["__hf_trash__"]):
        assert (len(one["nextRuns"]), one["nextRuns"][0]) == (5, one["nextRun"])
        assert sorted(set(one["nextRuns"])) == one["nextRuns"]
    assert set((await api.root.get("/api/jobs/stats")).json()) == {"waiting", "dead", "oldestReadySeconds"}
    assert found["__hf_trash__"]["expression"] == "0 * * * *"
    assert (await api.root.post("/api/crons/words.nightly")).status_code == 204
    assert await notes(api, "nightly") == ["nightly"]
    after = {item["id"]: item for item in (await api.root.get("/api/crons", params={"fields": "id,lastRun"})).json()}
    assert after["words.nightly"] == {"id": "words.nightly", "lastRun": after["words.nightly"]["lastRun"]}
    assert after["words.nightly"]["lastRun"] > nightly["lastRun"]
    assert (await api.root.post("/api/crons/__hf_dead_jobs__")).status_code == 204
    async with asyncio.timeout(10):
        while not (await api.root.get(JOBS, params={"name": "sweep", "state": "done"})).json()["items"]:  # noqa: ASYNC110
            await asyncio.sleep(0.03)
    swept = (await api.root.get(JOBS, params={"name": "sweep"})).json()["items"][0]
    assert (swept["plugin"], swept["payload"], swept["key"]) == ("", None, "dead jobs")
    audit = (await api.root.get("/api/audit", params={"action": "cron.run"})).json()["items"]
    assert [entry["target"]["id"] for entry in audit] == ["__hf_dead_jobs__", "words.nightly"]


@in_one_loop
async def test_a_schedule_that_runs_is_not_run_beside_itself(api: Api):
    connection = await api.pool.connect()
    await connection.execute(
        "INSERT INTO holdfast.jobs (name, started, attempts, run_at)"
        " VALUES ('words.often', now(), 1, now() + interval '1 minute')"
    )
    refused(await api.root.post("/api/crons/words.often"), 409, "conflict")
    await connection.execute("DELETE FROM holdfast.jobs WHERE name = 'words.often'")
    await connection.close()


@in_one_loop
async def test_a_schedule_follows_the_settings_and_stops_where_they_make_no_sense(api: Api, lines: list[Any]):
    async def often() -> dict[str, Any] | None:
        return next((one for one in (await api.root.get("/api/crons")).json() if one["id"] == "words.often"), None)

    await api.root.patch("/api/plugins/words/settings", json={"when": "15 4 * * *"})
    found = await often()
    assert found is not None
    assert found["expression"] == "15 4 * * *"
    await api.root.patch("/api/plugins/words/settings", json={"when": "never"})
    assert await often() is None
    assert any(line["event"] == "a schedule does not run: it cannot be" for line in lines)
    await api.root.patch("/api/plugins/words/settings", json={"when": "@hourly"})


@in_one_loop
async def test_jobs_of_a_plugin_that_is_off_wait_and_are_not_late(api: Api):
    await api.root.patch("/api/plugins/words", json={"enabled": False})
    connection = await api.pool.connect()
    await connection.execute(
        "INSERT INTO holdfast.jobs (name, payload, run_at)"
        " VALUES ('words.note', '{\"id\": \"off\"}', now() - interval '1 hour')"
    )
    await connection.close()
    ready = await api.root.get("/api/ready")
    assert ready.json()["data"]["jobs"] == "ok", ready.text
    assert not [one for one in (await api.root.get("/api/crons")).json() if one["plugin"]]
    await asyncio.sleep(0.2)
    assert (await job_of(api, "off"))["maxAttempts"] == 0
    await api.root.patch("/api/plugins/words", json={"enabled": True})
    assert await notes(api, "off") == ["note 1/2 plugin False"]


@in_one_loop
async def test_a_payload_that_fits_no_more_is_given_up(api: Api):
    connection = await api.pool.connect()
    await connection.execute("INSERT INTO holdfast.jobs (name, payload) VALUES ('words.note', '{\"id\": 5}')")
    await connection.close()
    async with asyncio.timeout(10):
        while True:
            items = (await api.root.get(JOBS, params={"state": "dead"})).json()["items"]
            if items and items[0]["payload"] == {"id": 5}:
                break
            await asyncio.sleep(0.03)
    assert items[0]["error"].startswith("Its payload does not fit the plugin any more")
