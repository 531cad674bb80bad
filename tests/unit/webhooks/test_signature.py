"""Signatures, checked by the reference library and by ten lines of HMAC."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from holdfast.webhooks.signature import key_of, new_secret, sign

BODY = json.dumps({"type": "posts.created", "record": {"title": "Grüße"}}, ensure_ascii=False).encode()
ID = "evt_000000000000001"


def headers(secrets: list[str], timestamp: int) -> dict[str, str]:
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, ID, timestamp, BODY),
    }


def test_the_reference_library_believes_it():
    secret, now = new_secret(), int(time.time())
    assert Webhook(secret).verify(BODY, headers([secret], now)) == json.loads(BODY)


def test_ten_lines_of_hmac_believe_it():
    secret, now = new_secret(), int(time.time())
    key = base64.b64decode(secret.split("_", 1)[1])
    wanted = hmac.new(key, f"{ID}.{now}.".encode() + BODY, hashlib.sha256).digest()
    version, _, signature = sign([secret], ID, now, BODY).partition(",")
    assert version == "v1"
    assert base64.b64decode(signature) == wanted


def test_with_two_live_secrets_either_will_do():
    old, new, now = new_secret(), new_secret(), int(time.time())
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers([new, old], now))
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers([new, old], now))


@pytest.mark.parametrize("change", ["id", "timestamp", "body"])
def test_whatever_is_changed_on_the_way_is_seen(change: str):
    secret, now = new_secret(), int(time.time())
    sent, body = headers([secret], now), BODY
    if change == "id":
        sent["webhook-id"] = "evt_000000000000002"
    elif change == "timestamp":
        sent["webhook-timestamp"] = str(now + 1)
    else:
        body += b" "
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, sent)


def test_no_secret_is_given_twice():
    assert len({new_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize("bytes_long", [24, 32, 64])
def test_a_secret_of_ones_own_is_taken(bytes_long: int):
    assert key_of("whsec_" + base64.b64encode(b"k" * bytes_long).decode()) == b"k" * bytes_long


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("", id="nothing"),
        pytest.param("whsec_", id="the beginning alone"),
        pytest.param("whsec_" + base64.b64encode(b"k" * 23).decode(), id="too short"),
        pytest.param("whsec_" + base64.b64encode(b"k" * 65).decode(), id="too long"),
        pytest.param(base64.b64encode(b"k" * 32).decode(), id="no beginning"),
        pytest.param("whsec_" + "é" * 32, id="no base64"),
        pytest.param("whsec_not base64 at all, whatever it is", id="words"),
    ],
)
def test_what_is_no_secret_is_not_taken(secret: str):
    with pytest.raises(ValueError, match="no "):
        key_of(secret)
