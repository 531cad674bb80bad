"""R24: a receiver verifies what comes with libraries that know nothing of Holdfast."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from holdfast.webhooks.signature import sign
from holdfast_sdk.webhooks import NotVerified, verify
from receiver import Call, Receiver
from reliability.figures import Figures
from reliability.site import Site, until

# The example that the specification and its libraries share.
VECTOR = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1614265330,
    b'{"test": 2432232314}',
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)
TITLES = (
    "plain",
    "",
    "Grüße, 世界 🎉",
    "é against e\u0301",
    'quotes " and \\ and </script>',
    "line\nbreaks\r\nand\ttabs",
    "\u2028\u2029\ufeff\x7f",
    "x" * 20_000,
    "{}.v1,not a signature",
    "\U0010ffff",
)
Verified = Callable[[str, bytes, Mapping[str, str]], bool]


def by_library(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """The reference library."""
    try:
        Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError):  # a body that is no UTF-8 any more is a ValueError there
        return False
    return True


def by_hand(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Ten lines of HMAC."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


def by_receiver(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """What Holdfast gives to those who receive its webhooks."""
    try:
        verify(body, headers, secret)
    except NotVerified:
        return False
    return True


WAYS: Sequence[Verified] = (by_library, by_hand, by_receiver)


def believed(call: Call, secret: str) -> list[bool]:
    """Whether each of the three believes a request."""
    return [way(secret, call.body, call.headers) for way in WAYS]


def forged(call: Call) -> list[Call]:
    """The same request with another id, time or body, and with a signature that is one bit off."""
    head = dict(call.headers)
    stamp, signature = int(head["webhook-timestamp"]), head["webhook-signature"]
    bit = "B" if signature[3] == "A" else "A"
    changes: list[tuple[dict[str, str], bytes]] = [
        ({"webhook-id": call.id[:-1] + ("0" if call.id[-1] != "0" else "1")}, call.body),
        ({"webhook-timestamp": str(stamp + 1)}, call.body),
        ({}, call.body + b" "),
        ({}, bytes((call.body[0] ^ 1,)) + call.body[1:]),
        ({"webhook-signature": signature[:3] + bit + signature[4:]}, call.body),
    ]
    return [Call(call.at, call.path, {**head, **changed}, body) for changed, body in changes]


@pytest.mark.reliability_gate
@pytest.mark.reliability("R24", "Receivers need nothing of ours")
async def test_r24_wire_compatibility(site: Site, receiver: Receiver, figures: Figures) -> None:
    """Records with texts of all kinds are made, changed and deleted, and every request that comes is verified three
    times: by the reference library `standardwebhooks`, by ten lines of HMAC, and by `holdfast_sdk.webhooks`. The
    example of the Standard Webhooks specification gives its signature. While a secret is being changed the old one
    and the new one verify every request, and afterwards the new one alone.

    The control verifies requests of which one thing was changed on the way: no way of verifying may believe one.
    """
    count = figures.size("records", gate=100, full=2_000)
    secret, id, stamp, body, signature = VECTOR
    figures.exactly("signature of the specification's example", int(sign([secret], id, stamp, body) == signature), 1)
    await site.start()
    await site.define("posts")
    hook = await site.webhook(f"{receiver.url}/signed", "posts.*")
    calls = await happened(site, receiver, 0, count)
    wrong = [call for call in calls if not all(believed(call, hook["secret"]))]
    figures.exactly("not believed", len(wrong), 0)
    figures.exactly("ids with a full stop", sum("." in call.id for call in calls), 0)
    new = await rotated(site, receiver, figures, hook)
    changed = [one for call in calls[:: max(1, len(calls) // 100)] for one in forged(call)]
    refused = sum(not any(believed(call, hook["secret"])) for call in changed)
    figures.control("one thing changed on the way", "refused", refused, beyond=len(changed) - 1)
    assert new != hook["secret"]


async def happened(site: Site, receiver: Receiver, first: int, count: int) -> list[Call]:
    """Make records, change them, delete them; the requests that this leads to."""
    before = len(receiver.calls)
    ids = [f"r{number:014}" for number in range(first, first + count)]
    titles = [TITLES[number % len(TITLES)] for number in range(count)]
    connection = await site.connect()
    await connection.executemany("INSERT INTO posts (id, title) VALUES ($1, $2)", list(zip(ids, titles, strict=True)))
    await connection.execute("UPDATE posts SET title = title || '!' WHERE id = ANY ($1)", ids)
    await connection.execute("DELETE FROM posts WHERE id = ANY ($1)", ids)
    await connection.close()
    await until(lambda: len(receiver.calls) >= before + 3 * count, "all deliveries")
    calls = receiver.calls[before:]
    told = {call.json["record"]["title"] for call in calls if call.type == "posts.created"}
    assert told == set(titles), "a text was changed on the way"
    return calls


async def rotated(site: Site, receiver: Receiver, figures: Figures, hook: dict[str, Any]) -> str:
    """Change the secret, and see which one verifies, while both do and afterwards; the new one."""
    path = f"/api/webhooks/{hook['id']}"
    old, new = hook["secret"], (await site.post(f"{path}/rotate-secret", {"overlapHours": 24}))["secret"]
    await heeded(site, receiver, path, "both")
    both = await happened(site, receiver, 1_000_000, 10)
    figures.exactly(
        "believed by both secrets", sum(all(believed(call, old) + believed(call, new)) for call in both), 30
    )
    await site.did("UPDATE holdfast.webhooks SET old_until = now() - interval '1 second'")
    await heeded(site, receiver, path, "one")
    after = await happened(site, receiver, 2_000_000, 10)
    alone = sum(all(believed(call, new)) and not any(believed(call, old)) for call in after)
    figures.exactly("believed by the new one alone afterwards", alone, 30)
    return new


async def heeded(site: Site, receiver: Receiver, path: str, mark: str) -> None:
    """Wait until the sender knows of a change: it sends a header that was changed after it."""
    await site.patch(path, {"headers": {"x-mark": mark}})
    while True:
        last = len(receiver.calls)
        await site.did("INSERT INTO posts (id) VALUES (gen_random_uuid()::text); DELETE FROM posts")
        await until(lambda last=last: len(receiver.calls) >= last + 2, "two deliveries")
        if all(call.headers.get("x-mark") == mark for call in receiver.calls[last:]):
            return
