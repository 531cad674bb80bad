"""ID tokens of OpenID Connect: what a provider has signed about somebody, and whether that is meant for us. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from typing_extensions import override

LEEWAY_SECONDS: Final = 120  # for clocks that differ
MAX_TOKEN_CHARS: Final = 32_768
# With public keys alone: else whoever knows the provider's public key could sign with it as if it was a secret.
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
_PUBLIC: Final = ("RSA", "EC", "OKP")


class _Registry(jws.JWSRegistry):
    """These algorithms, without joserfc's warning that EdDSA has a newer name, which few providers know."""

    @override
    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY: Final = _Registry(algorithms=list(ALGORITHMS), strict_check_header=False)


class IdTokenRefused(Exception):
    """An ID token that proves nothing, and why, in a few words."""


class UnknownKey(IdTokenRefused):
    """It is signed with a key that is not in the set: there may be a newer set."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a good ID token says: who made it, for whom, and of which login. `now` is in seconds."""

    issuers: tuple[str, ...]
    audience: str
    nonce: str
    now: float


def read_id_token(token: str, keys: Mapping[str, Any], expected: Expected) -> Mapping[str, Any]:
    """The claims of an ID token that one of the keys (a JWKS) has signed.

    Raises UnknownKey when none of them has its id, and IdTokenRefused for everything else that is wrong.
    """
    claims = _claims(_signed(token, keys))
    if claims.get("iss") not in expected.issuers:
        raise IdTokenRefused("it is of another issuer")
    audience: object = claims.get("aud")
    meant = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if expected.audience not in meant or claims.get("azp", expected.audience) != expected.audience:
        raise IdTokenRefused("it is for another app")
    if _seconds(claims, "exp") <= expected.now - LEEWAY_SECONDS:
        raise IdTokenRefused("it is too old")
    for key in ("iat", "nbf"):
        if key in claims and _seconds(claims, key) > expected.now + LEEWAY_SECONDS:
            raise IdTokenRefused("it is of the future")
    # Apps that ask the provider on their own send no nonce, and get none back.
    if claims.get("nonce", expected.nonce) != expected.nonce:
        raise IdTokenRefused("it is of another login")
    return claims


def _seconds(claims: Mapping[str, Any], key: str) -> float:
    found: object = claims.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise IdTokenRefused(f"it has no {key}")
    return found


def _signed(token: str, keys: Mapping[str, Any]) -> bytes:
    """What is signed in the token, if one of the keys did it."""
    if len(token) > MAX_TOKEN_CHARS:
        raise IdTokenRefused("it is too long")
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError) as failure:
        raise IdTokenRefused("it is no token") from failure
    found = False
    for key in _usable(keys, kid):
        found = True
        try:
            return jws.deserialize_compact(token, key, registry=_REGISTRY).payload
        except (JoseError, ValueError):
            continue
    if not found:
        raise UnknownKey("its key is not known")
    raise IdTokenRefused("its signature does not hold")


def _usable(keys: Mapping[str, Any], kid: object) -> Iterator[RSAKey | ECKey | OKPKey]:
    """The keys of a set that can have signed: those with its id, or all where it names none."""
    listed: object = keys.get("keys")
    for one in cast("list[object]", listed) if isinstance(listed, list) else []:
        if not isinstance(one, dict):
            continue
        key = cast("dict[str, Any]", one)
        is_meant = kid is None or key.get("kid") == kid
        if key.get("kty") not in _PUBLIC or key.get("use", "sig") != "sig" or not is_meant:
            continue
        try:
            imported = JWKRegistry.import_key(key)
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        if isinstance(imported, RSAKey | ECKey | OKPKey):
            yield imported


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise IdTokenRefused("it is no token") from failure
