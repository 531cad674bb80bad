"""Webhooks tried with records that somebody has chosen: what each of them would get, and why some get nothing."""

from typing import Any

import pytest

from client import in_one_loop, refused
from hooks import Hooks

pytestmark = in_one_loop


async def tried(hooks: Hooks, hook: dict[str, Any], *ids: str, **more: Any) -> dict[str, Any]:
    return await hooks.post(hook, "test/records", collection="posts", ids=list(ids), **more)


async def made(hooks: Hooks, *titles: str) -> list[str]:
    """Posts of these titles, which the webhooks that are made after them do not get; their ids."""
    return [(await hooks.api.create("posts", title=title, secret="s"))["id"] for title in titles]


async def test_records_are_sent_as_tests_as_they_are_now(hooks: Hooks) -> None:
    ids = await made(hooks, "one", "two")
    hook = await hooks.make("posts.updated", fields=["title"])
    sent = await tried(hooks, hook, *ids)
    assert (sent["type"], [one["record"] for one in sent["items"]]) == ("posts.updated", ids)
    calls = {call.json["record"]["title"]: call for call in await hooks.got(hook, 2)}
    assert sorted(calls) == ["one", "two"]
    call = calls["one"]
    assert call.id == sent["items"][0]["delivery"]["eventId"]
    assert (call.id[:9], call.json["seq"], call.json["changed"]) == ("evt_test_", 0, [])
    assert set(call.json["record"]) == {"collectionId", "collectionName", "id", "title"}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_no_hidden_field_is_in_a_test_with_records(hooks: Hooks) -> None:
    ids = await made(hooks, "open")
    hook = await hooks.make("posts.*")
    await tried(hooks, hook, *ids)
    (call,) = await hooks.got(hook)
    assert "secret" not in call.json["record"]
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_record_that_the_filter_does_not_find_is_not_sent_and_says_so(hooks: Hooks) -> None:
    ids = await made(hooks, "wanted", "other")
    hook = await hooks.make("posts.created", filter="title = 'wanted'")
    sent = await tried(hooks, hook, *ids)
    assert [bool(one["delivery"]) for one in sent["items"]] == [True, False]
    assert "filter" in sent["items"][1]["reason"]
    assert [call.json["record"]["title"] for call in await hooks.got(hook)] == ["wanted"]
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_record_that_the_role_may_not_see_is_not_sent_and_says_so(hooks: Hooks) -> None:
    await hooks.api.define("papers", [{"name": "title", "type": "text"}], listRule=None, viewRule=None)
    permission = {"collection": "papers", "actions": ["view"], "rule": "title = 'open'"}
    hooks.ok(await hooks.root.post("/api/roles", json={"name": "reader", "permissions": [permission]}))
    ids = [
        (await hooks.api.root.post("/api/collections/papers/records", json={"title": one})).json()["id"]
        for one in ("open", "closed")
    ]
    hook = await hooks.make("papers.updated", role="reader")
    sent = await hooks.post(hook, "test/records", collection="papers", ids=ids)
    assert ["role" in one["reason"] for one in sent["items"]] == [False, True]
    assert [call.json["record"]["title"] for call in await hooks.got(hook)] == ["open"]
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_record_that_is_gone_is_told_of(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*", active=False)
    sent = await tried(hooks, hook, "nosuchrecord000")
    assert sent["items"] == [{"record": "nosuchrecord000", "reason": "It is not there any more.", "delivery": None}]
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_record_that_is_too_large_for_the_log_is_sent_as_the_log_would_have_it(hooks: Hooks) -> None:
    ids = await made(hooks, "large")
    await hooks.api.define("essays", [{"name": "text", "type": "text", "max": 100_000}])
    essay = await hooks.api.create("essays", text="x" * 70_000)
    hook = await hooks.make("essays.updated", "posts.updated")
    await hooks.post(hook, "test/records", collection="essays", ids=[essay["id"]])
    (call,) = await hooks.got(hook)
    assert (call.json["whole"], "text" in call.json["record"]) == (False, False)
    assert (await tried(hooks, hook, *ids))["type"] == "posts.updated"
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


@pytest.mark.parametrize(
    ("events", "type"),
    [
        (["posts.*"], "posts.updated"),
        (["posts.deleted", "posts.created"], "posts.created"),
        (["posts.deleted"], "posts.deleted"),
    ],
    ids=str,
)
async def test_the_type_is_the_first_that_the_webhook_gets_unless_one_is_asked_for(
    hooks: Hooks, events: list[str], type: str
) -> None:
    hook = await hooks.make(*events, active=False)
    assert (await tried(hooks, hook, "nosuchrecord000"))["type"] == type
    assert (await tried(hooks, hook, "nosuchrecord000", type="posts.deleted"))["type"] == "posts.deleted"
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, {"collection", "ids"}, id="nothing"),
        pytest.param({"collection": "notes", "ids": ["a"]}, {"collection"}, id="events that it does not get"),
        pytest.param({"collection": "nowhere", "ids": ["a"]}, {"collection"}, id="no such collection"),
        pytest.param({"collection": 3, "ids": ["a"]}, {"collection"}, id="no name"),
        pytest.param({"collection": "posts", "ids": []}, {"ids"}, id="no records"),
        pytest.param({"collection": "posts", "ids": "a"}, {"ids"}, id="no list"),
        pytest.param({"collection": "posts", "ids": [1]}, {"ids"}, id="no ids"),
        pytest.param({"collection": "posts", "ids": [str(n) for n in range(21)]}, {"ids"}, id="too many"),
        pytest.param({"collection": "posts", "ids": ["a"], "type": "posts.deleted"}, {"type"}, id="another type"),
        pytest.param({"collection": "posts", "ids": ["a"], "type": 3}, {"type"}, id="no type"),
        pytest.param({"collection": "posts", "ids": ["a"], "expand": "x"}, {"expand"}, id="an unknown key"),
    ],
)
async def test_a_test_with_records_that_cannot_be_is_refused_with_the_field(
    hooks: Hooks, body: dict[str, Any], fields: set[str]
) -> None:
    hook = await hooks.make("posts.created", active=False)
    answer = await hooks.root.post(f"/api/webhooks/{hook['id']}/test/records", json=body)
    assert set(refused(answer, 400, "validation_failed")["data"]) == fields
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")
