"""What is answered to accounts: what they log in with, and where they are logged in."""

from __future__ import annotations

import msgspec

from .answers import Session


class OtpAsked(msgspec.Struct, frozen=True):
    """A one-time password is on its way."""

    otp_id: str = msgspec.field(name="otpId")


class Enrolment(msgspec.Struct, frozen=True):
    """An authenticator that waits for its first code. `url` is for a QR code."""

    secret: str
    url: str


class Passkey(msgspec.Struct, frozen=True, rename="camel"):
    """A passkey of an account. `synced`: it is kept on more than one device."""

    id: str
    name: str = ""
    transports: list[str] = []
    synced: bool = False
    created: str = ""
    last_used: str = ""


class Passkeys(msgspec.Struct, frozen=True):
    """The passkeys of an account."""

    items: list[Passkey]


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes that stand in for an authenticator."""

    codes: list[str] = msgspec.field(name="recoveryCodes")


class Sessions(msgspec.Struct, frozen=True):
    """Where an account is logged in."""

    items: list[Session]
