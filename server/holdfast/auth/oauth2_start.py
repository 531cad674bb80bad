"""The first step of an OAuth2 login: where a person is sent, and what their app keeps until they come back. Pure."""

import base64
import hashlib
import re
import secrets
from typing import Final
from urllib.parse import urlencode

import msgspec

from holdfast.auth.oauth2_client import Client

STATE_BYTES: Final = 24
VERIFIER_BYTES: Final = 32  # 43 characters, RFC 7636's least
_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")  # RFC 7636, 4.1


class Start(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A way to begin. Clients put the page to come back to at the end of `auth_url`, and keep state and verifier."""

    name: str
    display_name: str
    state: str
    auth_url: str = msgspec.field(name="authURL")
    old_auth_url: str = msgspec.field(name="authUrl")
    code_verifier: str
    code_challenge: str
    code_challenge_method: str


def start(client: Client) -> Start:
    """A new beginning, with a state and a verifier that nobody can guess."""
    state = secrets.token_urlsafe(STATE_BYTES)
    # Where ID tokens are checked they carry the verifier's nonce: so it is there even without PKCE.
    verifier = secrets.token_urlsafe(VERIFIER_BYTES) if client.pkce or client.proves_tokens else ""
    challenge = s256(verifier) if client.pkce else ""
    asked = {"client_id": client.id, "response_type": "code", "state": state}
    if client.provider.scopes:
        asked["scope"] = " ".join(client.provider.scopes)
    if challenge:
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    if client.proves_tokens:
        asked["nonce"] = nonce_of(verifier)
    asked |= client.provider.parameters
    # The empty end is for clients to write their own address behind it.
    url = f"{client.auth_url}{'&' if '?' in client.auth_url else '?'}{urlencode(sorted(asked.items()))}&redirect_uri="
    return Start(
        name=client.name,
        display_name=client.display_name,
        state=state,
        auth_url=url,
        old_auth_url=url,
        code_verifier=verifier,
        code_challenge=challenge,
        code_challenge_method="S256" if challenge else "",
    )


def is_verifier(text: str) -> bool:
    """Whether it has the form of a PKCE code verifier."""
    return _VERIFIER.fullmatch(text) is not None


def s256(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636, 4.2)."""
    return _url_base64(hashlib.sha256(verifier.encode("utf-8", "replace")).digest())


def nonce_of(verifier: str) -> str:
    """The nonce of the ID token that belongs to a verifier: who has another one cannot use the code for it."""
    return s256(f"nonce {verifier}")


def _url_base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
