"""Refresh tokens: what stands in them, and which one follows. Pure.

A token says its session and its generation, has 256 random bits, and ends in a seal of the server, so that one that was
never ours is refused without a look into the database, and an old one is known for what it is without being kept.
"""

import base64
import binascii
import hashlib
import hmac
import os
from typing import Final

import msgspec

from holdfast.sealed import derived_key

PREFIX: Final = "hfr_"
CHANCE_BYTES: Final = 32
NONCE_BYTES: Final = 16
_SEAL_BYTES: Final = 12
_GENERATION_BYTES: Final = 6
_SESSION_BYTES: Final = 15  # the id of a session, as every id of ours
_ALL_BYTES: Final = _SESSION_BYTES + _GENERATION_BYTES + CHANCE_BYTES + _SEAL_BYTES


class RefreshToken(msgspec.Struct, frozen=True):
    """What a refresh token says."""

    session_id: str
    generation: int
    chance: bytes


class RefreshKeys(msgspec.Struct, frozen=True):
    """The server's keys for them."""

    seal: bytes
    follow: bytes

    @classmethod
    def of(cls, secret: bytes) -> "RefreshKeys":
        """Made of the server's own key."""
        return cls(derived_key(secret, "refresh token seal"), derived_key(secret, "refresh token successor"))


def first_token(session_id: str) -> RefreshToken:
    """The token that a session begins with."""
    return RefreshToken(session_id, 0, os.urandom(CHANCE_BYTES))


def successor(keys: RefreshKeys, token: RefreshToken, nonce: bytes) -> RefreshToken:
    """The token that follows, made of this one, of the server's key and of new chance.

    So who sends the same token again can be given the same successor, though neither of them is kept.
    """
    chance = hmac.digest(keys.follow, _body(token) + nonce, "sha256")
    return RefreshToken(token.session_id, token.generation + 1, chance)


def write_token(keys: RefreshKeys, token: RefreshToken) -> str:
    """The token as a client gets it."""
    body = _body(token)
    return PREFIX + base64.urlsafe_b64encode(body + _seal(keys, body)).rstrip(b"=").decode()


def read_token(keys: RefreshKeys, text: str) -> RefreshToken | None:
    """What a client sent; None when it is no token of ours."""
    if not text.startswith(PREFIX) or len(text) != len(PREFIX) + _chars(_ALL_BYTES):
        return None
    encoded = text[len(PREFIX) :]
    try:
        content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    body, seal = content[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(keys, body)):
        return None
    rest = body[_SESSION_BYTES:]
    generation = int.from_bytes(rest[:_GENERATION_BYTES], "big")
    return RefreshToken(body[:_SESSION_BYTES].decode(), generation, rest[_GENERATION_BYTES:])


def hash_token(token: RefreshToken) -> bytes:
    """What is kept of it: SHA-256, which is enough for 256 random bits."""
    return hashlib.sha256(_body(token)).digest()


def _body(token: RefreshToken) -> bytes:
    return token.session_id.encode() + token.generation.to_bytes(_GENERATION_BYTES, "big") + token.chance


def _seal(keys: RefreshKeys, body: bytes) -> bytes:
    return hmac.digest(keys.seal, body, "sha256")[:_SEAL_BYTES]


def _chars(count: int) -> int:
    """How many characters of base64 that many bytes take, without padding."""
    return -(-count * 4 // 3)
