"""Codes by the clock (TOTP, RFC 6238) and the recovery codes that stand in for them. Pure."""

import base64
import hashlib
import hmac
import os
import re
import secrets
from typing import Final

STEP_SECONDS: Final = 30
DIGITS: Final = 6
STEPS_AROUND: Final = 1  # a code of the step before and of the one after counts too: clocks differ, people are slow
SECRET_BYTES: Final = 20  # as RFC 4226 advises
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10  # 80 bits, which SHA-256 alone protects
_GROUP: Final = 4  # characters
_CODE: Final = re.compile(r"[0-9]{6}")
_RECOVERY: Final = re.compile(r"[a-z2-7]{16}")


def new_secret() -> bytes:
    """The secret of a new authenticator."""
    return os.urandom(SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """The secret as people type it: base32, which is 32 characters without padding."""
    return base64.b32encode(secret).decode()


def otpauth_url(secret: bytes, issuer: str, account: str) -> str:
    """What a QR code for authenticator apps holds."""
    from pyotp.totp import TOTP  # here: most servers never need it, and each process would carry it

    return TOTP(shown_secret(secret)).provisioning_uri(name=account, issuer_name=issuer)


def matching_step(secret: bytes, code: str, now: float, after: int) -> int | None:
    """The time step whose code this is, or None.

    `after` is the newest step of which a code was taken already: that one and those before it count no more.
    """
    from pyotp.totp import TOTP

    digits = re.sub(r"\s", "", code)
    if _CODE.fullmatch(digits) is None:
        return None
    current = int(now) // STEP_SECONDS
    totp = TOTP(shown_secret(secret))
    found = None
    for step in range(current - STEPS_AROUND, current + STEPS_AROUND + 1):
        # Each is compared, so that time does not tell which one it was.
        fits = hmac.compare_digest(totp.generate_otp(step), digits)
        if fits and step > after and found is None:
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Fresh recovery codes, to be written down: four groups of four letters and digits each."""
    return [_shown(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]


def _shown(chance: bytes) -> str:
    text = base64.b32encode(chance).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def recovery_hash(code: str) -> bytes | None:
    """What is kept of a recovery code, however it is typed; None for what cannot be one."""
    bare = re.sub(r"[\s-]", "", code).lower()
    return hashlib.sha256(bare.encode()).digest() if _RECOVERY.fullmatch(bare) else None
