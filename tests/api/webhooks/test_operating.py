"""What an operator asks of webhooks: how they are doing, who got what, and that it be sent again, or not at all."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from client import in_one_loop, refused
from hooks import Hooks
from receiver import Answer

pytestmark = in_one_loop
NO_SUCH = "000000000000000"


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"


async def listed(hooks: Hooks, **query: Any) -> list[dict[str, Any]]:
    return hooks.ok(await hooks.root.get("/api/webhooks/deliveries", params=query))["items"]


async def test_deliveries_of_all_webhooks_are_listed_and_narrowed(hooks: Hooks) -> None:
    one, other = await hooks.make("posts.*"), await hooks.make("notes.created")
    post = await hooks.api.create("posts", title="a")
    await hooks.root.delete(f"/api/collections/posts/records/{post['id']}")
    await hooks.api.create("notes", title="n")
    await hooks.until(one, "delivered", "delivered")
    (noted,) = await hooks.until(other, "delivered")
    newest = await listed(hooks, limit=3)
    assert {each["webhookId"] for each in newest} == {one["id"], other["id"]}
    of_post = await listed(hooks, record=post["id"])
    assert {each["type"] for each in of_post} == {"posts.created", "posts.deleted"}
    assert {each["recordId"] for each in of_post} == {post["id"]}
    assert await listed(hooks, event=noted["eventId"]) == [noted]
    of_one = f"/api/webhooks/{one['id']}/deliveries"
    for query, types in {
        ("type", "posts.deleted"): ["posts.deleted"],
        ("type", "posts.*"): ["posts.created", "posts.deleted"],
        ("type", "notes.*"): [],
        ("status", "200"): ["posts.created", "posts.deleted"],
        ("status", "500"): [],
        ("to", "2020-01-01"): [],
    }.items():
        found = hooks.ok(await hooks.root.get(of_one, params=dict([query])))["items"]
        assert sorted(each["type"] for each in found) == types, query
    for hook in (one, other):
        await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_delivery_shows_the_body_that_is_sent(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", fields=["title"])
    await hooks.api.create("posts", title="shown", count=7, secret="s")
    (call,) = await hooks.got(hook)
    (delivery,) = await hooks.until(hook, "delivered")
    whole = await hooks.get(hook, f"deliveries/{delivery['id']}")
    assert whole["body"] == call.body.decode()
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_delivery_that_waits_is_cancelled_and_can_be_retried(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", active=False)
    await hooks.api.create("posts", title="held")
    (delivery,) = await hooks.until(hook, "ready")
    path = f"/api/webhooks/{hook['id']}/deliveries/{delivery['id']}"
    cancelled = hooks.ok(await hooks.root.post(f"{path}/cancel"))
    assert (cancelled["state"], cancelled["error"]) == ("dead", "Somebody has cancelled it.")
    refused(await hooks.root.post(f"{path}/cancel"), 400, "bad_request")
    assert set(refused(await hooks.root.post(f"{path}/cancel", json={"why": 1}), 400, "validation_failed")["data"])
    told = await hooks.root.get("/api/audit", params={"action": "webhook.delivery_cancelled", "target": hook["id"]})
    assert told.json()["items"][0]["details"]["delivery"] == delivery["id"]
    await hooks.change(hook, active=True)
    hooks.ok(await hooks.root.post(f"{path}/retry"))
    assert (await hooks.got(hook))[0].json["record"]["title"] == "held"
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_what_was_given_up_since_a_time_is_recovered_after_a_count(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    hooks.receiver.replies[hooks.path(hook)] = lambda _: Answer(410)
    since = now()
    await hooks.api.create("posts", title="lost")
    await hooks.until(hook, "dead")
    hooks.receiver.replies.pop(hooks.path(hook))
    await hooks.change(hook, active=True)
    assert await hooks.post(hook, "recover", since="2999-01-01", dryRun=True) == {"queued": 0}
    assert await hooks.post(hook, "recover", since=since, dryRun=True) == {"queued": 1}
    assert [one["state"] for one in await hooks.deliveries(hook)] == ["dead"], "a dry run changes nothing"
    assert await hooks.post(hook, "recover", since=since) == {"queued": 1}
    await hooks.until(hook, "delivered")
    told = await hooks.root.get("/api/audit", params={"action": "webhook.recovered", "target": hook["id"]})
    assert told.json()["items"][0]["details"] == {"queued": 1}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_replay_is_counted_before_it_is_made(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    await hooks.api.create("posts", title="once")
    (call,) = await hooks.got(hook)
    begun = {"from": call.json["timestamp"]}
    assert await hooks.post(hook, "replay", **begun, dryRun=True) == {"queued": 1}
    await hooks.until(hook, "delivered")
    assert len(hooks.at(hook)) == 1
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_test_is_like_the_newest_event_of_a_type(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*", "system.test", fields=["title"])
    post = await hooks.api.create("posts", title="sample", count=1, secret="s")
    await hooks.got(hook)
    made = await hooks.post(hook, "test", type="posts.created")
    call = (await hooks.got(hook, 2))[1]
    assert (call.id, call.type) == (made["eventId"], "posts.created")
    assert call.id.startswith("evt_test_")
    named = {"collectionId": post["collectionId"], "collectionName": "posts", "id": post["id"]}
    assert call.json["record"] == {**named, "title": "sample"}
    await hooks.post(hook, "test", type="system.test")
    assert {call.type for call in await hooks.got(hook, 3)} == {"posts.created", "system.test"}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_test_shows_a_role_no_record_that_it_may_not_see(hooks: Hooks) -> None:
    await hooks.api.define("files", [{"name": "title", "type": "text"}], listRule=None, viewRule=None)
    permission = {"collection": "files", "actions": ["view"], "rule": "title = 'open'"}
    hooks.ok(await hooks.root.post("/api/roles", json={"name": "clerk", "permissions": [permission]}))
    hook = await hooks.make("files.created", role="clerk")
    await hooks.api.create("files", title="closed")
    await hooks.root.get("/api/webhooks/deliveries")
    answer = await eventually_barred(hooks, hook)
    assert "may not see" in answer["message"]
    assert hooks.at(hook) == []
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def eventually_barred(hooks: Hooks, hook: dict[str, Any]) -> dict[str, Any]:
    """The refusal, as soon as the event has its number."""
    for _ in range(500):
        answer = await hooks.root.post(f"/api/webhooks/{hook['id']}/test", json={"type": "files.created"})
        body = refused(answer, 404, "not_found")
        if "may not see" in body["message"]:
            return body
    pytest.fail(str(body))


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("test", {"type": "notes.created"}, "type"),
        ("test", {"type": 7}, "type"),
        ("test", {"event": "posts.created"}, "event"),
        ("recover", {}, "since"),
        ("recover", {"since": "soon"}, "since"),
        ("recover", {"since": "2026", "dryRun": 1}, "dryRun"),
        ("recover", {"since": "2026", "until": "2027"}, "until"),
        ("replay", {"from": "2026", "dryRun": "yes"}, "dryRun"),
    ],
    ids=str,
)
async def test_what_cannot_be_asked_is_refused_with_the_field(
    hooks: Hooks, path: str, body: dict[str, Any], field: str
) -> None:
    hook = await hooks.make("posts.created", active=False)
    answer = await hooks.root.post(f"/api/webhooks/{hook['id']}/{path}", json=body)
    assert set(refused(answer, 400, "validation_failed")["data"]) == {field}
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_all_webhooks_say_how_they_are_doing(hooks: Hooks) -> None:
    well, ill = await hooks.make("posts.created"), await hooks.make("posts.created")
    hooks.receiver.replies[hooks.path(ill)] = lambda _: Answer(418)
    await hooks.api.create("posts", title="x")
    await hooks.until(well, "delivered")
    while not (await hooks.deliveries(ill))[0]["attempts"]:
        pass
    found = {one["id"]: one for one in hooks.ok(await hooks.root.get("/api/webhooks/stats"))["items"]}
    assert (found[well["id"]]["attempts"], found[well["id"]]["succeeded"], found[well["id"]]["waiting"]) == (1, 1, 0)
    assert (found[ill["id"]]["attempts"], found[ill["id"]]["succeeded"], found[ill["id"]]["waiting"]) == (1, 0, 1)
    assert found[ill["id"]]["last"] is not None
    day = (await hooks.get(ill, "stats"))["day"]
    assert day["problem"] == "The receiver answered 418."
    assert (await hooks.get(well, "stats"))["day"]["problem"] == ""
    for hook in (well, ill):
        await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_what_webhooks_can_get_is_said_by_what_it_is_about(hooks: Hooks) -> None:
    await hooks.api.define("silent", [{"name": "title", "type": "text"}], events=False)
    offered = hooks.ok(await hooks.root.get("/api/webhooks/events"))
    groups = {one["about"]: one["types"] for one in offered["groups"]}
    assert groups["posts"] == ["posts.created", "posts.updated", "posts.deleted", "posts.truncated"]
    assert "auth.login" in groups["auth"] and "silent" not in groups
    assert offered["waits"][:3] == [0, 5, 300]
    every = [type for types in groups.values() for type in types][:100]
    hook = await hooks.make(*every)
    assert hook["oldSecretUntil"] == ""
    assert (await hooks.post(hook, "rotate-secret"))["oldSecretUntil"] > now()
    await hooks.root.delete(f"/api/webhooks/{hook['id']}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "deliveries"),
        ("GET", "stats"),
        ("GET", "events"),
        ("POST", f"{NO_SUCH}/recover"),
        ("POST", f"{NO_SUCH}/deliveries/1/cancel"),
    ],
)
async def test_it_is_for_superusers_and_for_what_is_there(hooks: Hooks, method: str, path: str) -> None:
    address = f"/api/webhooks/{path}"
    refused(await hooks.api.guest.request(method, address), 401, "unauthenticated")
    if NO_SUCH in path:
        answer: httpx.Response = await hooks.root.request(
            method, address, json={"since": "2026"} if "rec" in path else {}
        )
        refused(answer, 404, "not_found")
