"""What a receiver gets: signed, filtered, and no more than its role may see."""

import asyncio
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from client import in_one_loop, refused
from holdfast import __version__
from hooks import Hooks
from receiver import Answer, Call, believed

pytestmark = in_one_loop


async def titles(hooks: Hooks, hook: dict[str, Any], count: int) -> list[str]:
    return [call.json["record"]["title"] for call in await hooks.got(hook, count)]


async def marked(hooks: Hooks, *paths: dict[str, Any]) -> None:
    """Wait until what happened before has been sent: a webhook for everything gets a mark."""
    everything = await hooks.make("notes.created")
    note = await hooks.api.create("notes", title="mark")
    while all(call.json["record"]["id"] != note["id"] for call in hooks.at(everything)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    for hook in (*paths, everything):
        await hooks.root.delete(f"/api/webhooks/{hook['id']}")


async def test_a_change_arrives_signed_and_whole(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*", headers={"X-Shop": "7"})
    post = await hooks.api.create("posts", title="Grüße", count=1, secret="s")
    await hooks.root.patch(f"/api/collections/posts/records/{post['id']}", json={"title": "Later"})
    await hooks.root.delete(f"/api/collections/posts/records/{post['id']}")
    calls = await hooks.got(hook, 3)
    assert {call.type for call in calls} == {"posts.created", "posts.updated", "posts.deleted"}
    by_type = {call.type: call for call in calls}
    created = by_type["posts.created"]
    assert created.json["record"] == {key: value for key, value in post.items() if key != "secret"}
    assert created.json["actor"]["kind"] == "superuser"
    updated = by_type["posts.updated"].json
    assert (updated["changed"], updated["previous"]) == (["title"], {"title": "Grüße"})
    assert len({call.id for call in calls}) == len({call.json["seq"] for call in calls}) == 3
    for call in calls:
        assert believed(call, [hook["secret"]])
        assert call.id == call.json["id"]
        assert call.headers["user-agent"] == f"Holdfast/{__version__}"
        assert call.headers["content-type"] == "application/json"
        assert (call.headers["x-shop"], call.headers["x-holdfast-hops"]) == ("7", "1")
        assert "webhook-replay" not in call.headers
        assert b'"s"' not in call.body
    await marked(hooks, hook)


async def test_a_rotated_secret_signs_with_the_old_one_for_a_while(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    rotated = await hooks.post(hook, "rotate-secret")
    assert rotated["secret"] != hook["secret"]
    await hooks.change(hook, description="heeded")
    await hooks.api.create("posts", title="both")
    assert believed((await hooks.got(hook))[0], [hook["secret"], rotated["secret"]])
    alone = await hooks.post(hook, "rotate-secret", overlapHours=0, secret="whsec_" + "Q" * 32)
    assert alone["secret"] == "whsec_" + "Q" * 32
    await asyncio.sleep(0.1)
    await hooks.api.create("posts", title="one")
    call = (await hooks.got(hook, 2))[1]
    assert believed(call, [alone["secret"]])
    with pytest.raises(WebhookVerificationError):
        Webhook(rotated["secret"]).verify(call.body, dict(call.headers))
    await marked(hooks, hook)


async def test_a_filter_speaks_of_the_record_and_of_the_one_before(hooks: Hooks) -> None:
    crossed = await hooks.make("posts.updated", filter="count >= 10 && @previous.count < 10")
    small = await hooks.make("posts.created", filter="count < 10")
    post = await hooks.api.create("posts", title="a", count=1)
    await hooks.api.create("posts", title="b", count=50)
    for count in (5, 10, 20, 3, 12):
        await hooks.root.patch(f"/api/collections/posts/records/{post['id']}", json={"count": count})
    await marked(hooks)
    assert sorted(call.json["record"]["count"] for call in hooks.at(crossed)) == [10, 12]
    assert [call.json["record"]["title"] for call in hooks.at(small)] == ["a"]
    await marked(hooks, crossed, small)


async def test_fields_are_the_ones_that_are_wanted(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*", fields=["count"])
    post = await hooks.api.create("posts", title="a", count=1)
    await hooks.root.patch(f"/api/collections/posts/records/{post['id']}", json={"title": "b", "count": 2})
    calls = sorted(await hooks.got(hook, 2), key=lambda call: call.json["seq"])
    assert set(calls[0].json["record"]) == {"id", "collectionId", "collectionName", "count"}
    assert (calls[1].json["changed"], calls[1].json["previous"]) == (["count"], {"count": 1})
    await marked(hooks, hook)


async def test_a_role_limits_the_rows_and_the_fields(hooks: Hooks) -> None:
    permission = {"collection": "posts", "actions": ["view"], "rule": "owner = 'ann'", "fields": {"read": ["title"]}}
    await hooks.api.root.patch("/api/collections/posts", json={"viewRule": None, "listRule": None})
    role = hooks.ok(await hooks.root.post("/api/roles", json={"name": "ann", "permissions": [permission]}))
    for guess in ("count > 1", "@previous.count > 1", "title = 'no' || count = 7"):
        unseen = {"url": "https://example.com/", "events": ["posts.*"], "role": "ann", "filter": guess}
        answer = await hooks.root.post("/api/webhooks", json=unseen)
        assert set(refused(answer, 400, "validation_failed")["data"]) == {"filter"}
    hook = await hooks.make("*", role="ann")
    assert hook["role"] == "ann"
    await hooks.api.create("posts", title="bob's", owner="bob")
    seen = await hooks.api.create("posts", title="ann's", owner="ann", count=7)
    await hooks.root.patch(f"/api/collections/posts/records/{seen['id']}", json={"title": "new", "count": 8})
    calls = sorted(await hooks.got(hook, 2), key=lambda call: call.json["seq"])
    assert {*calls[0].json["record"]} == {"id", "collectionId", "collectionName", "title"}
    assert (calls[0].json["record"]["title"], calls[1].json["changed"]) == ("ann's", ["title"])
    assert calls[1].json["previous"] == {"title": "ann's"}
    # What has waited is sent with the rights that there are when it is sent.
    await hooks.change(hook, active=False)
    await asyncio.sleep(0.1)
    await hooks.api.create("posts", title="ann's secret", owner="ann")
    await hooks.until(hook, "delivered", "delivered", "ready")
    narrow = {"permissions": [{**permission, "rule": "owner = 'carl'"}]}
    hooks.ok(await hooks.root.patch(f"/api/roles/{role['id']}", json=narrow))
    await asyncio.sleep(1)  # until a delivery is no fresh one
    await hooks.change(hook, active=True)
    last = (await hooks.until(hook, "delivered", "delivered", "dead"))[2]
    assert last["error"] == "Its role may not see this record any more."
    assert len(hooks.at(hook)) == 2
    await hooks.root.patch("/api/collections/posts", json={"viewRule": "", "listRule": ""})
    await marked(hooks, hook)


async def test_a_role_is_for_collections(hooks: Hooks) -> None:
    hooks.ok(await hooks.root.post("/api/roles", json={"name": "reader", "permissions": []}))
    body = {"url": "https://example.com/", "events": ["posts.*", "system.webhook_disabled"], "role": "reader"}
    answer = refused(await hooks.root.post("/api/webhooks", json=body), 400, "validation_failed")
    assert set(answer["data"]) == {"role"}


async def test_a_collection_that_is_renamed_keeps_its_webhooks(hooks: Hooks) -> None:
    await hooks.api.define("drafts", [{"name": "title", "type": "text"}])
    hook = await hooks.make("drafts.created", filter="title != 'no'")
    hooks.ok(await hooks.root.patch("/api/collections/drafts", json={"name": "articles"}))
    await hooks.api.create("articles", title="no")
    await hooks.api.create("articles", title="yes")
    assert await titles(hooks, hook, 1) == ["yes"]
    assert hooks.at(hook)[0].type == "articles.created"
    assert (await hooks.get(hook))["events"] == ["articles.created"]
    await marked(hooks, hook)


async def test_no_change_breaks_a_filter_unnoticed(hooks: Hooks) -> None:
    await hooks.api.define("orders", [{"name": "state", "type": "text"}, {"name": "paid", "type": "bool"}])
    hook = await hooks.make("orders.*", filter="paid = true", description="bookkeeping")
    fields = (await hooks.root.get("/api/collections/orders")).json()["fields"]
    renamed = [{**field, "name": "settled"} if field["name"] == "paid" else field for field in fields]
    gone = [field for field in fields if field["name"] != "paid"]
    hidden = [{**field, "hidden": field["name"] == "paid"} for field in fields]
    for changed in (renamed, gone, hidden):
        answer = await hooks.root.patch("/api/collections/orders", json={"fields": changed})
        body = refused(answer, 400, "validation_failed")
        assert set(body["data"]["webhooks"]) == {hook["id"]}
        assert "bookkeeping" in body["message"]
    await hooks.change(hook, filter="")
    hooks.ok(await hooks.root.patch("/api/collections/orders", json={"fields": renamed}))
    assert (await hooks.root.delete("/api/collections/orders")).status_code == 204
    await marked(hooks, hook)


async def test_a_collection_without_events_has_none(hooks: Hooks) -> None:
    await hooks.api.define("quiet", [{"name": "title", "type": "text"}], events=False)
    body = {"url": "https://example.com/", "events": ["quiet.*"]}
    answer = refused(await hooks.root.post("/api/webhooks", json=body), 400, "validation_failed")
    assert set(answer["data"]) == {"events"}
    hook = await hooks.make("*", filter="")
    await hooks.api.create("quiet", title="hush")
    await hooks.api.create("posts", title="loud")
    await hooks.got(hook)
    await marked(hooks)
    assert {call.json.get("collection") for call in hooks.at(hook)} == {"posts", "notes"}
    await marked(hooks, hook)


async def test_a_loop_of_webhooks_ends(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    answered: list[Call] = []

    async def write_again() -> None:
        while True:
            for call in hooks.at(hook)[len(answered) :]:
                answered.append(call)
                hops = {"X-Holdfast-Hops": call.headers["x-holdfast-hops"]}
                await hooks.root.post("/api/collections/posts/records", json={"title": "again"}, headers=hops)
            await asyncio.sleep(0.005)

    writing = asyncio.create_task(write_again())
    await hooks.api.create("posts", title="first")
    await hooks.got(hook, 8)
    await marked(hooks)
    writing.cancel()
    assert [call.headers["x-holdfast-hops"] for call in hooks.at(hook)] == [str(hop) for hop in range(1, 9)]
    # Nobody else can hide what they write from a webhook.
    await hooks.api.guest.post(
        "/api/collections/posts/records", json={"title": "hidden"}, headers={"X-Holdfast-Hops": "9"}
    )
    assert (await hooks.got(hook, 9))[8].json["record"]["title"] == "hidden"
    await marked(hooks, hook)


async def test_deliveries_can_be_looked_at(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", headers={"Authorization": "Bearer their-token"})
    path = hooks.path(hook)
    answer = Answer(418, {"x-note": "tea"}, b"short and stout" + b"x" * 10_000)
    hooks.receiver.replies[path] = lambda _: answer
    await hooks.api.create("posts", title="tea")
    await hooks.got(hook)
    delivery = (await hooks.until(hook, "ready"))[0]
    while not delivery["attempts"]:
        delivery = (await hooks.deliveries(hook))[0]
    assert (delivery["attempts"], delivery["status"], delivery["type"]) == (1, 418, "posts.created")
    assert delivery["error"] == "The receiver answered 418."
    whole = await hooks.get(hook, f"deliveries/{delivery['id']}")
    (attempt,) = whole["tries"]
    assert attempt["request"]["url"] == hook["url"]
    assert attempt["request"]["headers"]["webhook-id"] == delivery["eventId"]
    assert "their-token" not in str(whole) and "v1," not in str(whole)
    assert attempt["response"]["status"] == 418
    assert attempt["response"]["headers"]["x-note"] == "tea"
    assert len(attempt["response"]["body"]) == 4096
    assert await hooks.deliveries(hook, state="delivered") == []
    hooks.receiver.replies.pop(path)
    hooks.ok(await hooks.root.post(f"/api/webhooks/{hook['id']}/deliveries/{delivery['id']}/retry"))
    (done,) = await hooks.until(hook, "delivered")
    assert (done["attempts"], done["status"], done["error"]) == (1, 200, "")
    told = await hooks.root.get("/api/audit", params={"action": "webhook.delivery_retried", "target": hook["id"]})
    (entry,) = told.json()["items"]
    assert entry["details"] == {"delivery": delivery["id"], "event": delivery["eventId"]}
    assert entry["actor"]["kind"] == "superuser"
    calls = hooks.at(hook)
    assert [call.id for call in calls] == [delivery["eventId"]] * 2
    assert calls[0].body == calls[1].body
    stats = await hooks.get(hook, "stats")
    assert (stats["waiting"], stats["delivered"], stats["dead"]) == (0, 1, 0)
    assert (stats["day"]["attempts"], stats["day"]["succeeded"]) == (2, 1)
    await marked(hooks, hook)


HOSTILE = {
    "bytes that are no UTF-8": b"HTTP/1.1 500 \xff\r\nx-odd: \xff\xfe\r\ncontent-length: 2\r\n\r\n\xff\0",
    "a NUL in a header": b"HTTP/1.1 500 X\r\nx-odd: a\0b\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": b"\0\xff\r\n\r\n\r\n",
    "nothing": b" ",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000,
    "a redirect": b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    "a body that breaks off": b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort",
}


async def test_a_hostile_answer_costs_one_row(hooks: Hooks) -> None:
    made = {what: await hooks.make("posts.created", timeout=1, description=what) for what in HOSTILE}
    for what, raw in HOSTILE.items():
        hooks.receiver.replies[hooks.path(made[what])] = lambda _, raw=raw: Answer(raw=raw)
    await hooks.api.create("posts", title="poison")
    for what, hook in made.items():
        delivery = (await hooks.until(hook, "ready"))[0]
        while not delivery["attempts"]:
            await asyncio.sleep(0.02)
            delivery = (await hooks.deliveries(hook))[0]
        assert delivery["error"], what
        assert len((await hooks.get(hook, f"deliveries/{delivery['id']}"))["tries"]) == 1
    await marked(hooks, *made.values())


async def test_a_replay_keeps_the_ids_and_says_that_it_is_one(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", "notes.created", filter="title != 'b'")
    first = [await hooks.api.create("posts", title=title) for title in "abc"]
    await hooks.api.create("notes", title="n")
    before = await hooks.got(hook, 3)
    begun = {"from": first[0]["created"] if "created" in first[0] else before[0].json["timestamp"]}
    again = await hooks.post(hook, "replay", **begun, events=["posts.*"])
    assert again == {"queued": 2}
    calls = (await hooks.got(hook, 5))[3:]
    assert sorted(call.json["record"]["title"] for call in calls) == ["a", "c"]
    known = {call.id: call.body for call in before}
    for call in calls:
        assert call.headers["webhook-replay"] == "true"
        assert known[call.id] == call.body
    assert await hooks.post(hook, "replay", **begun, events=["_superusers.*"]) == {"queued": 0}
    assert [one["replay"] for one in await hooks.deliveries(hook)] == [False] * 3 + [True] * 2
    await marked(hooks, hook)


async def test_a_test_event_is_signed_and_listed(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", filter="title = 'x'")
    made = await hooks.post(hook, "test")
    (call,) = await hooks.got(hook)
    assert (call.type, call.id) == ("system.test", made["eventId"])
    assert believed(call, [hook["secret"]])
    assert [one["type"] for one in await hooks.until(hook, "delivered")] == ["system.test"]
    await marked(hooks, hook)


async def test_what_has_no_choices_takes_no_body(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    made = await hooks.post(hook, "test")
    path = f"/api/webhooks/{hook['id']}/deliveries/{made['id']}/retry"
    answer = await hooks.root.post(path, json={"event": "posts.created"})
    assert set(refused(answer, 400, "validation_failed")["data"]) == {"event"}
    await hooks.got(hook)
    await marked(hooks, hook)


async def test_an_answer_without_an_end_is_kept_as_far_as_it_came(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", timeout=1)
    began = b"HTTP/1.1 200 OK\r\nx-seen: yes\r\ncontent-length: 1000\r\n\r\nshort"
    hooks.receiver.replies[hooks.path(hook)] = lambda _: Answer(raw=began)
    await hooks.api.create("posts", title="half")
    delivery = (await hooks.until(hook, "ready"))[0]
    while not delivery["attempts"]:
        await asyncio.sleep(0.02)
        delivery = (await hooks.deliveries(hook))[0]
    (attempt,) = (await hooks.get(hook, f"deliveries/{delivery['id']}"))["tries"]
    # Which of the two depends on whether the receiver closes within the second.
    assert attempt["error"] in ("The answer breaks off.", "There was no end of the answer within 1 seconds.")
    assert (attempt["response"]["status"], attempt["response"]["headers"]["x-seen"]) == (200, "yes")
    assert (await hooks.get(hook, "stats"))["day"]["succeeded"] == 0
    await marked(hooks, hook)


async def test_an_endpoint_that_is_off_queues_and_gets_its_backlog(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", active=False)
    for title in "abc":
        await hooks.api.create("posts", title=title)
    await hooks.until(hook, "ready", "ready", "ready")
    assert hooks.at(hook) == []
    await hooks.change(hook, active=True)
    assert sorted(await titles(hooks, hook, 3)) == ["a", "b", "c"]
    await marked(hooks, hook)


async def test_a_rate_limit_is_kept(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created", rateLimit={"maxRequests": 3, "duration": 1}, active=False)
    for number in range(7):
        await hooks.api.create("posts", title=str(number))
    await hooks.until(hook, *["ready"] * 7)
    await hooks.change(hook, active=True)
    calls = await hooks.got(hook, 7)
    gaps = [later.at - call.at for call, later in zip(calls, calls[3:], strict=False)]
    assert min(gaps) > 0.7
    await marked(hooks, hook)


async def test_a_large_record_arrives_as_what_the_log_has_of_it(hooks: Hooks) -> None:
    hook = await hooks.make("notes.*", filter="title != ''")
    await hooks.root.patch(
        "/api/collections/notes", json={"fields": [{"name": "title", "type": "text", "max": 200_000}]}
    )
    note = await hooks.api.create("notes", title="x" * 100_000)
    (call,) = await hooks.got(hook)
    assert call.json["whole"] is False
    assert call.json["record"]["id"] == note["id"]
    assert "title" not in call.json["record"]
    await marked(hooks, hook)
