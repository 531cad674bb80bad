"""A change of many records as a job: counted first, written some hundred at a time, with a report that adds up."""

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from client import refused
from holdfast.jobs.job import Job
from holdfast.records import bulk_job
from job_worker import until
from plugged import plugged
from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

BULKS = "/collections/cards/bulks"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deck(server: Server) -> Server:
    relation = {"type": "relation", "collectionId": "cards"}
    await server.define(
        {
            "id": "cards",
            "name": "cards",
            "type": "base",
            "fields": [
                {"name": "title", "type": "text"},
                {"name": "n", "type": "number", "max": 100},
                {"name": "code", "type": "text"},
            ],
            "indexes": ["CREATE UNIQUE INDEX code_of_card ON cards (code) WHERE code != ''"],
        },
        {"name": "remarks", "type": "base", "fields": [{"name": "card", "cascadeDelete": True, **relation}]},
        {"name": "holds", "type": "base", "fields": [{"name": "card", "required": True, **relation}]},
    )
    return server


async def dealt(deck: Server) -> list[str]:
    """Five cards, called 1 to 5; their ids."""
    return [(await deck.made("cards", title=str(n), n=n))["id"] for n in range(1, 6)]


async def promised(deck: Server, **body: Any) -> dict[str, Any]:
    answer = await deck.root.post(BULKS, json=body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/collections/cards/bulks/{answer.json()['id']}"
    return answer.json()


async def work(deck: Server) -> None:
    """Do the jobs that wait, as a worker does."""
    while rows := await deck.rows("DELETE FROM holdfast.jobs WHERE name = 'bulk' RETURNING id, payload::text AS p"):
        for row in rows:
            await bulk_job.BULK.run(deck.engine, Job(row["id"], "bulk", row["p"].encode(), 1))


async def report(deck: Server, id: str) -> dict[str, Any]:
    found = (await deck.root.get(f"{BULKS}/{id}")).json()
    assert found["matched"] == found["done"] + found["skipped"] + found["failed"] + found["left"]
    return found


async def numbers(deck: Server) -> list[float]:
    return [row["n"] for row in await deck.rows("SELECT n FROM cards ORDER BY title")]


async def test_it_is_promised_with_its_count_and_done_later(deck: Server):
    await dealt(deck)
    promise = await promised(deck, where={"filter": "n > {:n}", "p": {"n": 3}}, set={"n": 9}, expect=2)
    assert await numbers(deck) == [1, 2, 3, 4, 5]
    assert (promise["state"], promise["matched"], promise["left"]) == ("running", 2, 2)
    await work(deck)
    found = await report(deck, promise["id"])
    assert (found["state"], found["done"], found["left"], found["told"]) == ("done", 2, 0, [])
    assert await numbers(deck) == [1, 2, 3, 9, 9]


async def test_a_count_tells_what_hangs_on_the_records_and_writes_nothing(deck: Server):
    ids = await dealt(deck)
    await deck.made("remarks", card=ids[0])
    answer = await deck.root.post(f"{BULKS}/count", json={"where": {"filter": "n < 3"}, "delete": True})
    hanging = {"collection": "remarks", "field": "card", "rows": 1, "deleted": True}
    assert answer.json() == {"matched": 2, "dryRun": True, "dependants": [hanging]}
    assert len(await numbers(deck)) == 5


async def test_what_changes_meanwhile_is_skipped_and_says_why(deck: Server):
    ids = await dealt(deck)
    promise = await promised(deck, where={"filter": "n > 3"}, delete=True)
    await deck.root.delete(f"/collections/cards/records/{ids[3]}")
    await deck.root.patch(f"/collections/cards/records/{ids[4]}", json={"n": 1})
    await work(deck)
    found = await report(deck, promise["id"])
    assert (found["state"], found["done"], found["skipped"]) == ("done", 0, 2)
    reasons = {one["id"]: (one["outcome"], one["code"]) for one in found["told"]}
    assert reasons == {ids[3]: ("skipped", "not_found"), ids[4]: ("skipped", "no_longer_matches")}


async def test_records_that_come_in_after_the_promise_are_left_alone(deck: Server):
    await dealt(deck)
    await promised(deck, where={}, set={"n": 9})
    await deck.made("cards", title="6", n=6)
    await work(deck)
    assert await numbers(deck) == [9, 9, 9, 9, 9, 6]


async def test_a_record_that_cannot_be_written_keeps_no_other_from_it(deck: Server):
    ids = await dealt(deck)
    await deck.made("holds", card=ids[2])
    promise = await promised(deck, where={}, delete=True)
    await work(deck)
    found = await report(deck, promise["id"])
    assert (found["done"], found["failed"]) == (4, 1)
    assert [(one["id"], one["outcome"]) for one in found["told"]] == [(ids[2], "failed")]
    assert await numbers(deck) == [3]


async def test_a_value_that_only_one_may_have_is_written_once(deck: Server):
    await dealt(deck)
    promise = await promised(deck, where={}, set={"code": "x"})
    await work(deck)
    found = await report(deck, promise["id"])
    assert (found["done"], found["failed"]) == (1, 4)
    assert {(one["field"], one["code"]) for one in found["told"]} == {("code", "validation_not_unique")}


async def test_what_was_cancelled_keeps_what_it_has_written(deck: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_job, "TOGETHER", 2)
    await dealt(deck)
    promise = await promised(deck, where={}, set={"n": 9})
    monkeypatch.setattr(bulk_job, "SLICE_SECONDS", -1.0)
    rows = await deck.rows("DELETE FROM holdfast.jobs WHERE name = 'bulk' RETURNING id, payload::text AS p")
    await bulk_job.BULK.run(deck.engine, Job(rows[0]["id"], "bulk", rows[0]["p"].encode(), 1))
    assert (await deck.root.delete(f"{BULKS}/{promise['id']}")).status_code == 204
    await work(deck)
    found = await report(deck, promise["id"])
    assert (found["state"], found["done"], found["left"]) == ("cancelled", 2, 3)
    assert (await numbers(deck)).count(9) == 2
    assert await deck.rows("SELECT 1 FROM holdfast.bulk_chunks") == []
    refused(await deck.root.delete(f"{BULKS}/{promise['id']}"), 409, "conflict")


async def test_a_job_that_comes_twice_writes_nothing_twice(deck: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_job, "TOGETHER", 2)
    await dealt(deck)
    promise = await promised(deck, where={}, set={"n": 9})
    [row] = await deck.rows("SELECT payload::text AS p FROM holdfast.jobs WHERE name = 'bulk'")
    await bulk_job.BULK.run(deck.engine, Job(1, "bulk", row["p"].encode(), 1))
    await work(deck)
    found = await report(deck, promise["id"])
    assert (found["state"], found["done"]) == ("done", 5)


async def test_each_record_has_its_event_with_who_asked_and_the_request(deck: Server):
    await dealt(deck)
    await deck.rows("DELETE FROM holdfast.outbox")
    await promised(deck, where={"filter": "n > 3"}, set={"n": 7})
    await work(deck)
    rows = await deck.rows("SELECT type, context FROM holdfast.outbox")
    assert [row["type"] for row in rows] == ["cards.updated", "cards.updated"]
    [entry] = (await deck.root.get("/audit", params={"action": "bulk.started", "limit": 1})).json()["items"]
    assert entry["details"]["matched"] == 2
    assert all('"kind":"superuser"' in row["context"] and entry["request"] in row["context"] for row in rows)


async def test_those_that_run_are_listed_and_those_that_have_ended_are_kept(deck: Server):
    await dealt(deck)
    promise = await promised(deck, where={}, set={"n": 9})
    running = (await deck.root.get("/bulks")).json()["items"]
    assert [(one["collection"], one["bulk"]["id"]) for one in running] == [("cards", promise["id"])]
    await work(deck)
    assert (await deck.root.get("/bulks")).json()["items"] == []
    assert (await deck.root.get(BULKS)).json()["items"][0]["id"] == promise["id"]


async def test_a_collection_that_is_gone_ends_it(deck: Server):
    await deck.define({"name": "passing", "type": "base", "fields": [{"name": "n", "type": "number"}]})
    await deck.made("passing", n=1)
    answer = await deck.root.post("/collections/passing/bulks", json={"where": {}, "set": {"n": 2}})
    assert (await deck.root.delete("/collections/passing")).status_code == 204
    await work(deck)
    [row] = await deck.rows("SELECT state, message FROM holdfast.bulk_changes WHERE id = $1", answer.json()["id"])
    assert row["state"] == "failed"
    assert "is gone" in row["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"where": {}, "set": {"n": 101}}, 400, "validation_failed", id="a value that the field refuses"),
        pytest.param({"where": {}, "delete": True, "expect": 9}, 412, "precondition_failed", id="other numbers"),
        pytest.param({"where": {}, "delete": True, "dryRun": True}, 400, "validation_failed", id="a dry run"),
        pytest.param({"where": {"filter": "m = 1"}, "delete": True}, 400, "invalid_filter", id="no such field"),
        pytest.param(
            {"where": {"filter": "@request.query.a = title"}, "delete": True},
            400,
            "validation_failed",
            id="the request",
        ),
    ],
)
async def test_a_job_that_cannot_be_done_is_not_promised(deck: Server, body: Any, status: int, code: str):
    await dealt(deck)
    refused(await deck.root.post(BULKS, json=body), status, code)
    assert await deck.rows("SELECT 1 FROM holdfast.jobs WHERE name = 'bulk'") == []


async def test_jobs_are_for_superusers(deck: Server):
    refused(await deck.guest.post(BULKS, json={"where": {}, "delete": True}), 401, "unauthenticated")
    refused(await deck.guest.get("/bulks"), 401, "unauthenticated")


async def test_a_promise_that_is_sent_again_is_one_job(deck: Server):
    await dealt(deck)
    sent = {"json": {"where": {}, "set": {"n": 9}}, "headers": {"Idempotency-Key": "once"}}
    first, again = [await deck.root.post(BULKS, **sent) for _ in range(2)]
    assert first.content == again.content
    await work(deck)


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        pytest.param('raise BadRequest("Not this one.")', "Not this one.", id="refused"),
        pytest.param(
            'raise KeyError("n")', "The plugin words failed in record_before_update", id="a fault of the plugin"
        ),
    ],
)
async def test_plugins_may_refuse_single_records_of_a_job(database: str, tmp_path: Path, refusal: str, told: str):
    hook = f"""
    refuses = ""

    async def record_before_update(self, ctx, draft):
        self.refuses = self.refuses or draft.id
        if draft.id == self.refuses:
            {refusal}
    """
    async with plugged(database, tmp_path, hook, background=True) as api:
        await api.define("tasks", [{"name": "n", "type": "number"}])
        for n in range(3):
            await api.create("tasks", n=n)
        url = "/api/collections/tasks/bulks"
        id = (await api.root.post(url, json={"where": {}, "set": {"n": 14}})).json()["id"]

        async def ended() -> bool:
            return (await api.root.get(f"{url}/{id}")).json()["state"] != "running"

        await until(ended, seconds=60)
        found = (await api.root.get(f"{url}/{id}")).json()
        assert (found["done"], found["failed"]) == (2, 1)
        assert told in found["told"][0]["message"]
