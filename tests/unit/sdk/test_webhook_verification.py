"""The receiving side of webhooks: what is believed, and what is not."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from holdfast.webhooks.signature import new_secret, sign
from holdfast_sdk.webhooks import NotVerified, verify

SECRET = new_secret()
BODY = json.dumps({"id": "evt_1", "seq": 7, "type": "posts.created", "record": {"title": "Grüße"}}).encode()


def signed(body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), age: float = 0, **more: str) -> dict[str, str]:
    stamp = int(time.time() - age)
    signature = sign(secrets, "evt_1", stamp, body)
    made = {"Webhook-Id": "evt_1", "webhook-timestamp": str(stamp), "WEBHOOK-SIGNATURE": signature}
    return {**made, **{name.replace("_", "-"): content for name, content in more.items()}}


def test_what_the_server_signs_is_believed():
    event = verify(BODY, signed(), SECRET)
    assert (event.id, event.type, event.seq, event.replay) == ("evt_1", "posts.created", 7, False)
    assert event.record == {"title": "Grüße"}
    assert verify(BODY.decode(), list(signed(webhook_replay="true").items()), [SECRET]).replay


def test_what_the_reference_library_signs_is_believed():
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    assert verify(BODY, headers, SECRET).id == "msg_1"


@pytest.mark.parametrize("mine", [("old",), ("new",), ("other", "new")])
def test_while_a_secret_is_changed_either_will_do(mine: tuple[str, ...]):
    known = {name: new_secret() for name in ("old", "new", "other")}
    headers = signed(secrets=(known["new"], known["old"]))
    assert verify(BODY, headers, [known[name] for name in mine]).id == "evt_1"
    with pytest.raises(NotVerified):
        verify(BODY, headers, known["other"])


# Signed when the test runs: a request collected minutes ago is too old by then, or no longer from the future.
FORGED: dict[str, Callable[[], tuple[bytes, dict[str, str]]]] = {
    "another body": lambda: (BODY + b" ", signed()),
    "another id": lambda: (BODY, {**signed(), "Webhook-Id": "evt_2"}),
    "another time": lambda: (BODY, {**signed(), "webhook-timestamp": str(int(time.time()) + 1)}),
    "no id": lambda: (BODY, {**signed(), "Webhook-Id": ""}),
    "an id with a dot": lambda: (BODY, {**signed(), "Webhook-Id": "evt_1.5"}),
    "an id without end": lambda: (BODY, {**signed(), "Webhook-Id": "e" * 1000}),
    "no time": lambda: (BODY, {**signed(), "webhook-timestamp": ""}),
    "a time of other digits": lambda: (BODY, {**signed(), "webhook-timestamp": "١٢٣"}),
    "a time below zero": lambda: (BODY, {**signed(), "webhook-timestamp": "-5"}),
    "a time beyond all time": lambda: (BODY, {**signed(), "webhook-timestamp": "9" * 400}),
    "no signature": lambda: (BODY, {**signed(), "WEBHOOK-SIGNATURE": ""}),
    "no version": lambda: (BODY, {**signed(), "WEBHOOK-SIGNATURE": signed()["WEBHOOK-SIGNATURE"][3:]}),
    "another version": lambda: (BODY, {**signed(), "WEBHOOK-SIGNATURE": "v1a" + signed()["WEBHOOK-SIGNATURE"][2:]}),
    "a signature of nothing": lambda: (BODY, {**signed(), "WEBHOOK-SIGNATURE": "v1,"}),
    "a signature that is no ASCII": lambda: (BODY, {**signed(), "WEBHOOK-SIGNATURE": "v1,äöü"}),
    "one signature among too many": lambda: (
        BODY,
        {**signed(), "WEBHOOK-SIGNATURE": "v1,x " * 16 + signed()["WEBHOOK-SIGNATURE"]},
    ),
    "another secret": lambda: (BODY, signed(secrets=(new_secret(),))),
    "too old": lambda: (BODY, signed(age=400)),
    "from the future": lambda: (BODY, signed(age=-400)),
    "no headers": lambda: (BODY, {}),
    "no JSON": lambda: (b"x", signed(b"x")),
    "no object": lambda: (b"[]", signed(b"[]")),
    "no text": lambda: (b"\xff", signed(b"\xff")),
}


@pytest.mark.parametrize("what", FORGED)
def test_nothing_else_is_believed(what: str):
    body, headers = FORGED[what]()
    with pytest.raises(NotVerified):
        verify(body, headers, SECRET)


def test_how_old_a_request_may_be_can_be_said():
    assert verify(BODY, signed(age=400), SECRET, tolerance=500).id == "evt_1"
    with pytest.raises(NotVerified):
        verify(BODY, signed(age=20), SECRET, tolerance=10)


@pytest.mark.parametrize(
    "secrets", ["", [], "whsec_", "whsec_!", ["whsec_" + base64.b64encode(b"x" * 32).decode(), "ä"]]
)
def test_a_secret_that_is_none_is_a_mistake_of_the_programmer(secrets: str | list[str]):
    with pytest.raises(ValueError, match="secret") as caught:
        verify(BODY, signed(), secrets)
    assert not isinstance(caught.value, NotVerified)
