"""Tokens: JSON web tokens with PocketBase's claims. Pure; the keys come from the record, its collection and the server.

With HS256 the key is the record's `tokenKey` and the collection's secret together, so a new `tokenKey` ends every
token of one person, and a new secret those of a whole collection. With EdDSA the server's key signs, and a digest of
the same two stands in a claim, to the same effect.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OctKey, OKPKey
from joserfc.jws import JWSRegistry
from typing_extensions import override

HS256: Final = "HS256"
EDDSA: Final = "EdDSA"
MAX_TOKEN_BYTES: Final = 4096
MAX_ID_CHARS: Final = 255
NOTHING: Final[Mapping[str, Any]] = {}
DIGEST_BYTES: Final = 16
LinkType: TypeAlias = Literal["verification", "passwordReset", "emailChange", "file"]
# What we never write: a token that has it was made for somebody else.
_FOREIGN: Final = frozenset({"aud", "iss"})
_HEADER: Final = frozenset({"alg", "typ", "kid"})


class _Only(JWSRegistry):
    """One algorithm and no other, without joserfc's warning that EdDSA has a newer name, which few clients know."""

    @override
    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_ONLY: Final = {algorithm: _Only(algorithms=[algorithm]) for algorithm in (HS256, EDDSA)}
_checks: Final = jwt.JWTClaimsRegistry(exp={"essential": True})


class Claims(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a login token says. `type` keeps tokens of other kinds from being used as logins.

    `sid` is the session that it belongs to, if it was made in one. `digest` stands in tokens that the server's key
    signs (`key_digest`).
    """

    collection_id: str
    exp: int
    id: str
    refreshable: bool
    type: Literal["auth"]
    sid: str = ""
    digest: str = ""


class LinkClaims(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a token in a mailed link says, or one that opens files. Each type is good for one purpose alone."""

    collection_id: str
    exp: int
    id: str
    type: LinkType
    email: str = ""
    new_email: str = ""


class _Header(msgspec.Struct, frozen=True):
    kid: str = ""


_AnyClaims = TypeVar("_AnyClaims", Claims, LinkClaims)


def make_token(claims: Claims | LinkClaims, key: str, extra: Mapping[str, Any] = NOTHING) -> str:
    """Sign the claims by HS256. `extra` is what plugins add; our own claims win."""
    said = {**extra, **msgspec.to_builtins(claims)}
    return jwt.encode({"alg": HS256}, said, OctKey.import_key(key), registry=_ONLY[HS256])


def make_public_token(claims: Claims, key: OKPKey, kid: str, extra: Mapping[str, Any] = NOTHING) -> str:
    """Sign the claims by EdDSA: anybody who has the public half can check the token."""
    said = {**extra, **msgspec.to_builtins(claims)}
    return jwt.encode({"alg": EDDSA, "kid": kid}, said, key, registry=_ONLY[EDDSA])


def signing_key(token_key: str, secret: str) -> str:
    """The key of one record's tokens.

    Raises ValueError when one half is missing: a token that anybody could sign must not be.
    """
    if not token_key or not secret:
        raise ValueError("a token needs the record's tokenKey and the collection's secret")
    return token_key + secret


def key_digest(key: str) -> str:
    """What a token of the server's key says of the signing key, which it does not give away."""
    digest = hashlib.sha256(b"holdfast token key:" + key.encode()).digest()[:DIGEST_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def peek(token: str) -> Claims | None:
    """What a login token claims, believed by nobody yet: which record's key to check it with. None if it is none."""
    return peek_as(token, Claims)


def peek_as(token: str, kind: type[_AnyClaims]) -> _AnyClaims | None:
    """The same for claims of either kind."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_BYTES or not token.isascii():
        return None
    payload = _decode(parts[1])
    if payload is None:
        return None
    try:
        claims = msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, ValueError):
        return None
    return claims if _is_plain(claims.id) and _is_plain(claims.collection_id) else None


def kid_of(token: str) -> str:
    """Which of the server's keys a token says that it was signed with; empty when it says none."""
    try:
        return msgspec.json.decode(_decode(token.partition(".")[0]) or b"", type=_Header).kid
    except (msgspec.DecodeError, ValueError):
        return ""


def _decode(part: str) -> bytes | None:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_plain(id: str) -> bool:
    return 0 < len(id) <= MAX_ID_CHARS and id.isprintable()


def is_genuine(token: str, claims: Claims | LinkClaims, key: str) -> bool:
    """Whether the token is signed with this key by HS256, says these claims and is in force now.

    The algorithm is ours, whatever the token's header asks for.
    """
    return _holds(token, claims, OctKey.import_key(key), HS256)


def is_genuine_public(token: str, claims: Claims, public: OKPKey, key: str) -> bool:
    """The same for a token that the server's key signed; `key` is the record's, which ends it when it changes."""
    return claims.digest == key_digest(key) and _holds(token, claims, public, EDDSA)


def _holds(token: str, claims: Claims | LinkClaims, key: OctKey | OKPKey, algorithm: str) -> bool:
    try:
        json.loads(_decode(token.partition(".")[0]) or b"", cls=_OnceEach)
        decoded = jwt.decode(token, key, registry=_ONLY[algorithm], decoder_cls=_OnceEach)
        _checks.validate(decoded.claims)
        said = msgspec.convert(decoded.claims, type(claims))
    except (JoseError, ValueError, TypeError, msgspec.ValidationError):
        return False
    return said == claims and decoded.header.keys() <= _HEADER and not _FOREIGN & decoded.claims.keys()


class _OnceEach(json.JSONDecoder):
    """Refuses an object that has a key twice: two readers would take it for two things."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_once_each)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found
