"""Record actions of plugins done by a job: any number of records, each once, with a report that adds up."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import structlog

from client import Api, in_one_loop, refused
from job_worker import until
from postgres import Cluster
from publishing import POSTS, held, publishing, states, tidy, waiting, written


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
async def test_a_job_with_an_action_is_no_delete_to_a_server_that_knows_no_actions(api: Api):
    await written(api, "one")
    id = await promised(api, where={}, action="words.publish")
    looker = await api.pool.connect()
    try:
        kept = "SELECT promised -> 'settings' FROM holdfast.bulk_changes WHERE id = $1"
        assert await looker.fetchval(kept, id) == "{}"
    finally:
        await looker.close()
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
