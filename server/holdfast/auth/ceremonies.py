"""The two ceremonies of WebAuthn, as far as they need no database: what a browser is asked, and whether it answered.

The library is imported where it is used: it takes 8 MB, and many servers never see a passkey.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast.auth.relying_party import RelyingParty

CHALLENGE_SECONDS: Final = 300  # to find the telephone, and to look into it
MAX_CREDENTIAL_ID_BYTES: Final = 1023  # as the standard has it
Ceremony: TypeAlias = Literal["webauthn.create", "webauthn.get"]


class Passkey(msgspec.Struct, frozen=True):
    """What a browser has registered."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    aaguid: str
    synced: bool


class Signed(msgspec.Struct, frozen=True):
    """That a passkey has signed: its counter, whether a person was looked at, and whether it is kept elsewhere too."""

    sign_count: int
    verified: bool
    synced: bool


class NotProven(Exception):
    """The answer of a browser does not show what it should; the cause says why."""


class ClientData(msgspec.Struct, frozen=True):
    """What the browser says that it was asked."""

    type: Ceremony
    challenge: str


def registration_options(
    party: RelyingParty, user_id: bytes, user_name: str, challenge: bytes, known: Sequence[bytes]
) -> Mapping[str, Any]:
    """What a browser is asked to make a passkey with; `known` are those that the person has already."""
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=user_id,
        user_name=user_name,
        user_display_name=user_name,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        # Kept on the device, so that a login needs no name.
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return options_to_json_dict(options)


def login_options(party: RelyingParty, challenge: bytes) -> Mapping[str, Any]:
    """What a browser is asked to sign. It names no passkey, so it tells nobody who has one."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json_dict(options)


def check_registration(party: RelyingParty, credential: dict[str, Any], challenge: str) -> Passkey:
    """The passkey that a browser has made for this challenge. Raises NotProven."""
    from webauthn import verify_registration_response

    try:
        found = verify_registration_response(
            credential=credential,
            expected_challenge=decode(challenge),
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
        )
        transports: Any = credential.get("response", {}).get("transports") or []
        passkey = Passkey(
            credential_id=found.credential_id,
            public_key=found.credential_public_key,
            sign_count=found.sign_count,
            transports=tuple(word for word in transports if isinstance(word, str) and word.isalpha())[:8],
            aaguid=found.aaguid,
            synced=found.credential_backed_up,
        )
    except Exception as failure:  # what a stranger sends as CBOR, ASN.1 and JSON breaks in more ways than are listed
        raise NotProven(str(failure)) from failure
    if len(passkey.credential_id) > MAX_CREDENTIAL_ID_BYTES:
        raise NotProven("the id of the passkey is too long")
    return passkey


def check_login(
    party: RelyingParty, credential: dict[str, Any], challenge: str, public_key: bytes, sign_count: int
) -> Signed:
    """That a passkey has signed this challenge, and that its counter has gone on. Raises NotProven."""
    from webauthn import verify_authentication_response

    try:
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=decode(challenge),
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
        )
    except Exception as failure:
        raise NotProven(str(failure)) from failure
    return Signed(found.new_sign_count, found.user_verified, found.credential_backed_up)


def client_data(credential: Mapping[str, Any]) -> ClientData:
    """What the browser says that it was asked, believed by nobody yet. Raises NotProven."""
    try:
        return msgspec.json.decode(decode(credential["response"]["clientDataJSON"]), type=ClientData)
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as failure:
        raise NotProven("there is no clientDataJSON") from failure


def user_handle(credential: Mapping[str, Any]) -> bytes:
    """Whom the passkey says it belongs to; empty when it says nothing. Raises NotProven."""
    try:
        handle = credential["response"].get("userHandle")
        return decode(handle) if handle is not None else b""
    except (KeyError, TypeError, AttributeError, ValueError) as failure:
        raise NotProven("the userHandle cannot be read") from failure


def credential_id(credential: Mapping[str, Any]) -> bytes:
    """Which passkey it says to be. Raises NotProven."""
    try:
        return decode(credential["rawId"])
    except (KeyError, TypeError, ValueError) as failure:
        raise NotProven("there is no rawId") from failure


def encode(content: bytes) -> str:
    """Base64url without padding, as WebAuthn writes all bytes."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The other way round. Raises ValueError, and TypeError for what is no text."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as failure:
        raise ValueError("no base64url") from failure
