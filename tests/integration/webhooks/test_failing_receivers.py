"""What happens when a receiver fails, is slow, asks for time, or wants nothing any more."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from client import in_one_loop
from holdfast.db.totals import read_totals
from holdfast.webhooks import circuit, queue, schedule
from holdfast.webhooks.endpoint import UNREADABLE
from hooks import Hooks
from mail_sink import Mailbox, use_mailbox
from receiver import OK, Answer, Call

pytestmark = in_one_loop

DOWN = Answer(503)


@pytest_asyncio.fixture(loop_scope="module")
async def hooks(shared_hooks: Hooks) -> AsyncIterator[Hooks]:
    """The application without webhooks, and its receiver, which answers 200 again."""
    yield shared_hooks
    for hook in (await shared_hooks.root.get("/api/webhooks")).json()["items"]:
        await shared_hooks.root.delete(f"/api/webhooks/{hook['id']}")
    shared_hooks.receiver.replies.clear()


async def posts(hooks: Hooks, count: int) -> None:
    await asyncio.gather(*(hooks.api.create("posts", title=str(number)) for number in range(count)))


async def until(hooks: Hooks, hook: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    """The webhook, as soon as it is so."""
    end = time.monotonic() + 15
    while True:
        found = await hooks.get(hook)
        if wanted.items() <= found.items():
            return found
        assert time.monotonic() < end, found
        await asyncio.sleep(0.02)


async def test_a_failed_delivery_is_tried_again_with_the_same_id_and_body(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    answers = iter([DOWN, Answer(302, {"location": hooks.receiver.url}), Answer(404)])
    hooks.receiver.replies[hooks.path(hook)] = lambda _: next(answers, OK)
    await posts(hooks, 1)
    (delivery,) = await hooks.until(hook, "delivered")
    calls = hooks.at(hook)
    assert len({(call.id, call.body) for call in calls}) == 1
    tries = (await hooks.get(hook, f"deliveries/{delivery['id']}"))["tries"]
    assert [one["response"]["status"] for one in tries] == [503, 302, 404, 200]
    assert delivery["attempts"] == 4


async def test_a_delivery_is_dead_after_the_last_try_and_stays_for_a_retry(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "TRIES", 3)
    hook = await hooks.make("posts.created")
    hooks.receiver.replies[hooks.path(hook)] = lambda _: DOWN
    await posts(hooks, 1)
    (dead,) = await hooks.until(hook, "dead")
    assert (dead["attempts"], dead["status"], len(hooks.at(hook))) == (3, 503, 3)
    hooks.receiver.replies.clear()
    await hooks.post(hook, f"deliveries/{dead['id']}/retry")
    await hooks.until(hook, "delivered")
    assert len({(call.id, call.body) for call in hooks.at(hook)}) == 1


async def test_retry_after_is_heeded(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    answers = iter([Answer(429, {"retry-after": "1"})])
    hooks.receiver.replies[hooks.path(hook)] = lambda _: next(answers, OK)
    await posts(hooks, 1)
    first, second = await hooks.got(hook, 2)
    assert 1.0 <= second.at - first.at < 5


async def test_a_receiver_that_is_gone_is_asked_no_more(hooks: Hooks) -> None:
    hook, other = await hooks.make("posts.created"), await hooks.make("system.*")
    hooks.receiver.replies[hooks.path(hook)] = lambda _: Answer(410)
    await posts(hooks, 1)
    off = await until(hooks, hook, disabled="The receiver answered 410.")
    assert off["active"] is True
    told = (await hooks.got(other))[0].json
    assert (told["type"], told["record"]["id"]) == ("system.webhook_disabled", hook["id"])
    await posts(hooks, 2)
    await hooks.until(hook, "dead", "ready", "ready")
    assert len(hooks.at(hook)) == 1
    hooks.receiver.replies.clear()
    assert (await hooks.change(hook, active=True))["disabled"] == ""
    await hooks.until(hook, "dead", "delivered", "delivered")


async def test_after_days_of_nothing_but_failure_the_superusers_get_a_mail(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox
) -> None:
    await use_mailbox(hooks.api, mailbox)
    monkeypatch.setattr(circuit, "DISABLED_AFTER", 1.0)
    monkeypatch.setattr(circuit, "WARNINGS", ())
    hook = await hooks.make("posts.created", description="the <shop>")
    hooks.receiver.replies[hooks.path(hook)] = lambda _: DOWN
    await posts(hooks, 3)
    await until(hooks, hook, disabled="Nothing but failure for five days.")
    letter = await mailbox.wait("root@example.com", about=hook["url"])  # others' may have waited for a mail server
    assert "a webhook was turned off" in letter.subject
    assert "the <shop>" in letter.text and "five days" in letter.text
    assert "the &lt;shop&gt;" in letter.html
    await asyncio.sleep(0.2)
    assert len(mailbox.to(about=hook["url"])) == 1


async def test_while_it_fails_for_days_the_superusers_are_warned_twice(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox
) -> None:
    await use_mailbox(hooks.api, mailbox)
    monkeypatch.setattr(circuit, "DISABLED_AFTER", 1000.0)
    hook = await hooks.make("posts.created", description="the <shop>")
    hooks.receiver.replies[hooks.path(hook)] = lambda _: Answer(500)
    await posts(hooks, 1)
    await until(hooks, hook, circuit="open")
    for share, count in ((0.4, 0), (0.6, 1), (0.7, 1), (0.9, 2), (0.95, 2)):
        await hooks.change(hook, active=False)
        await fails_since(hooks, hook, 1000.0 * share)
        await asyncio.sleep(0.2)  # until nothing is known of it but what is written down
        await set_active(hooks, hook)
        calls = len(hooks.at(hook))
        await hooks.got(hook, calls + 2)
        assert len(mailbox.to(about=hook["url"])) == count, share
    letter = mailbox.to(about=hook["url"])[0]
    assert "a webhook fails and will be turned off" in letter.subject
    assert "the <shop>" in letter.text
    assert "the &lt;shop&gt;" in letter.html


async def fails_since(hooks: Hooks, hook: dict[str, Any], seconds: float) -> None:
    """Let a webhook have failed for so long."""
    since = time.time() - seconds
    connection = await hooks.api.pool.connect()
    try:
        await connection.execute(
            "UPDATE holdfast.webhooks SET circuit = jsonb_set(circuit, '{failing_since}', to_jsonb($2::float8))"
            " || '{\"probe_at\": 0}' WHERE id = $1",
            hook["id"],
            since,
        )
    finally:
        await connection.close()


async def set_active(hooks: Hooks, hook: dict[str, Any]) -> None:
    """Turn a webhook on without its circuit being forgotten, as another process that leads would find it."""
    connection = await hooks.api.pool.connect()
    try:
        await connection.execute("UPDATE holdfast.webhooks SET active = true WHERE id = $1", hook["id"])
    finally:
        await connection.close()


async def test_a_receiver_that_asks_for_time_is_asked_by_nobody_until_then(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    hooks.receiver.replies[hooks.path(hook)] = lambda _: Answer(429, {"retry-after": "1"})
    await posts(hooks, 1)
    await until(hooks, hook, circuit="open")
    began = len(hooks.at(hook))
    hooks.receiver.replies.clear()
    await posts(hooks, 5)
    await hooks.until(hook, *["delivered"] * 6)
    assert hooks.at(hook)[began].at - hooks.at(hook)[began - 1].at >= 1.0


async def test_a_secret_that_cannot_be_read_is_said(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    hook = await hooks.make("posts.created")
    assert hook["error"] == ""
    connection = await hooks.api.pool.connect()
    await connection.execute("UPDATE holdfast.webhooks SET secret = '\\x00' WHERE id = $1", hook["id"])
    await connection.close()
    found = await hooks.get(hook)
    assert (found["error"], (await hooks.get(hook, "stats"))["error"]) == (UNREADABLE, UNREADABLE)
    await asyncio.sleep(0.2)  # until the sender has looked
    await posts(hooks, 1)
    await hooks.until(hook, "ready")
    assert (await hooks.post(hook, "rotate-secret", overlapHours=0))["error"] == ""
    await hooks.until(hook, "delivered")


async def test_how_deliveries_end_is_counted_for_good(hooks: Hooks) -> None:
    before = await totals(hooks)
    hook = await hooks.make("posts.created")
    answers = iter([DOWN])
    hooks.receiver.replies[hooks.path(hook)] = lambda _: next(answers, OK)
    await posts(hooks, 2)
    await hooks.until(hook, "delivered", "delivered")
    after = await totals(hooks)
    assert {outcome: after[outcome] - before.get(outcome, 0) for outcome in ("delivered", "failed")} == {
        "delivered": 2,
        "failed": 1,
    }


async def totals(hooks: Hooks) -> dict[str, int]:
    """How deliveries have ended so far."""
    connection = await hooks.api.pool.acquire()
    try:
        return {one.outcome: one.value for one in await read_totals(connection) if one.name == queue.TOTALS}
    finally:
        hooks.api.pool.release(connection)


async def test_a_circuit_opens_probes_and_lets_the_backlog_go_slowly(hooks: Hooks) -> None:
    hook = await hooks.make("posts.created")
    path = hooks.path(hook)
    hooks.receiver.replies[path] = lambda _: DOWN
    await posts(hooks, 40)
    await until(hooks, hook, circuit="open")
    await asyncio.sleep(0.1)
    tried = {one["id"]: one["attempts"] for one in await hooks.deliveries(hook)}
    before = len(hooks.at(hook))
    await asyncio.sleep(1.5)
    probes = hooks.at(hook)[before:]
    assert 2 <= len(probes) <= 5
    assert all(later.at - call.at >= 0.3 for call, later in pairwise(probes))
    assert {one["id"]: one["attempts"] for one in await hooks.deliveries(hook)} == tried
    hooks.receiver.most_busy[path] = 0
    widths: list[int] = []

    def slowly(_: Call) -> Answer:
        widths.append(hooks.receiver.busy.get(path, 0) + 1)
        return Answer(delay=0.02)

    hooks.receiver.replies[path] = slowly
    await hooks.until(hook, *["delivered"] * 40)
    assert widths[0] == 1
    assert max(widths[:3]) <= 2
    assert hooks.receiver.most_busy[path] <= circuit.WIDEST
    assert (await hooks.get(hook))["circuit"] == "closed"


async def test_who_turns_an_endpoint_on_closes_its_circuit(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "PROBE_SECONDS", (60.0, 60.0))
    hook = await hooks.make("posts.created")
    hooks.receiver.replies[hooks.path(hook)] = lambda _: DOWN
    await posts(hooks, 3)
    await until(hooks, hook, circuit="open")
    hooks.receiver.replies.clear()
    await asyncio.sleep(0.3)
    assert {one["state"] for one in await hooks.deliveries(hook)} == {"ready"}
    await hooks.change(hook, active=True)
    await hooks.until(hook, *["delivered"] * 3)


async def test_a_slow_receiver_delays_no_other(hooks: Hooks) -> None:
    slow, black, fast = [await hooks.make("posts.created", timeout=20) for _ in range(3)]
    for hook in (slow, black):
        hooks.receiver.replies[hooks.path(hook)] = lambda _: Answer(delay=15)
    await posts(hooks, 40)
    await hooks.got(fast, 40)
    await posts(hooks, 40)
    await hooks.got(fast, 80)
    assert hooks.receiver.busy[hooks.path(slow)] > 0
    assert hooks.receiver.most_busy[hooks.path(slow)] <= circuit.WIDEST


async def test_an_ordered_endpoint_keeps_the_order_of_a_record(hooks: Hooks) -> None:
    hook = await hooks.make("posts.*", ordered=True)
    path, failed = hooks.path(hook), set[str]()

    def reply(call: Call) -> Answer:
        if call.json["record"]["title"] == "1" and call.id not in failed:
            failed.add(call.id)
            return DOWN
        return Answer(delay=0.02)

    hooks.receiver.replies[path] = reply
    made = [await hooks.api.create("posts", title="0") for _ in range(3)]
    for title in "123":
        for post in made:
            await hooks.root.patch(f"/api/collections/posts/records/{post['id']}", json={"title": title})
    await hooks.until(hook, *["delivered"] * 12)
    for post in made:
        seen = [call.json["record"]["title"] for call in hooks.at(hook) if call.json["record"]["id"] == post["id"]]
        assert seen == ["0", "1", "1", "2", "3"]
