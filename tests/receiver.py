"""A receiver of webhooks, which is that of the test kit, and whether it can believe what comes."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from standardwebhooks.webhooks import Webhook

from holdfast.testing.receiver import ARRIVES_SECONDS, OK, Answer, Call, Receiver, Reply, receiving

__all__ = ["ARRIVES_SECONDS", "OK", "Answer", "Call", "Receiver", "Reply", "believed", "receiving"]


def believed(call: Call, secrets: Sequence[str]) -> bool:
    """Whether each secret verifies the request: by the reference library, and by HMAC."""
    for secret in secrets:
        Webhook(secret).verify(call.body, dict(call.headers))  # raises if not
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{call.id}.{call.headers['webhook-timestamp']}.".encode() + call.body
        wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        if wanted not in call.headers["webhook-signature"].split(" "):
            return False
    return True
