"""Tokens: JSON web tokens with PocketBase's claims. Pure; the keys come from the record and its collection.

The key is the record's `tokenKey` and the collection's secret together, so a new `tokenKey` ends every token
of one person, and a new secret those of a whole collection.
"""

import base64
import binascii
from typing import Final, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

ALGORITHM: Final = "HS256"
MAX_TOKEN_BYTES: Final = 4096
MAX_ID_CHARS: Final = 255
_checks: Final = jwt.JWTClaimsRegistry(exp={"essential": True})


class Claims(msgspec.Struct, frozen=True, rename="camel"):
    """What a login token says. `type` keeps tokens of other kinds from being used as logins."""

    collection_id: str
    exp: int
    id: str
    refreshable: bool
    type: Literal["auth"]


def make_token(claims: Claims, key: str) -> str:
    """Sign the claims."""
    return jwt.encode({"alg": ALGORITHM}, msgspec.to_builtins(claims), OctKey.import_key(key), algorithms=[ALGORITHM])


def signing_key(token_key: str, secret: str) -> str:
    """The key of one record's tokens.

    Raises ValueError when one half is missing: a token that anybody could sign must not be.
    """
    if not token_key or not secret:
        raise ValueError("a token needs the record's tokenKey and the collection's secret")
    return token_key + secret


def peek(token: str) -> Claims | None:
    """What a token claims, believed by nobody yet: which record's key to check it with. None if it is no token."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_BYTES or not token.isascii():
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload, type=Claims)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return None
    return claims if _is_plain(claims.id) and _is_plain(claims.collection_id) else None


def _is_plain(id: str) -> bool:
    return 0 < len(id) <= MAX_ID_CHARS and id.isprintable()


def is_genuine(token: str, claims: Claims, key: str) -> bool:
    """Whether the token is signed with this key by our algorithm, says these claims and is in force now.

    The algorithm is ours, whatever the token's header asks for.
    """
    try:
        decoded = jwt.decode(token, OctKey.import_key(key), algorithms=[ALGORITHM])
        _checks.validate(decoded.claims)
        return msgspec.convert(decoded.claims, Claims) == claims
    except (JoseError, ValueError, TypeError, msgspec.ValidationError):
        return False
