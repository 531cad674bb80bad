"""Signatures by the Standard Webhooks specification (version 1, HMAC-SHA256). Pure."""

import base64
import binascii
import hmac
import os
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
NEW_BYTES: Final = 32
LEAST_BYTES: Final = 24  # of a secret, by the specification
MOST_BYTES: Final = 64


def new_secret() -> str:
    """A secret as its owner gets it: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(os.urandom(NEW_BYTES)).decode("ascii")


def key_of(secret: str) -> bytes:
    """The key that a secret stands for.

    Raises ValueError for what is no `whsec_` and base64 of LEAST_BYTES to MOST_BYTES.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as failure:
        raise ValueError("no base64") from failure
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError("no secret")
    return key


def sign(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each live secret, with spaces between them.

    `timestamp` is in seconds since 1970.
    """
    content = b"%b.%d.%b" % (id.encode(), timestamp, body)
    signed = (base64.b64encode(hmac.digest(key_of(secret), content, "sha256")) for secret in secrets)
    return " ".join(f"v1,{signature.decode('ascii')}" for signature in signed)
