"""ID tokens: which are believed, and which are not."""

import base64
import hashlib
import hmac
import json
from typing import Any, cast

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from typing_extensions import override

from holdfast.auth.oauth2_id_token import Expected, IdTokenRefused, UnknownKey, read_id_token

NOW = 1_800_000_000
EXPECTED = Expected(issuers=("https://id.example", "id.example"), audience="us", nonce="n1", now=NOW)
GOOD: dict[str, Any] = {
    "iss": "https://id.example",
    "aud": "us",
    "sub": "7",
    "exp": NOW + 60,
    "iat": NOW,
    "nonce": "n1",
}


class Every(jws.JWSRegistry):
    @override
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


RSA = RSAKey.generate_key(2048)
KEYS = {
    "RS256": RSA,
    "PS512": RSA,
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
    "Ed25519": OKPKey.generate_key("Ed25519"),
}


def signed(claims: Any, algorithm: str = "RS256", key: Any = None, **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    protected = {"alg": algorithm, "kid": "k1", **header}
    protected = {name: value for name, value in protected.items() if value is not None}
    return jws.serialize_compact(protected, payload, key or KEYS[algorithm], registry=Every())


def public(algorithm: str = "RS256", **more: Any) -> dict[str, Any]:
    return {"keys": [{**KEYS[algorithm].as_dict(private=False), "kid": "k1", **more}]}


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_that_a_key_of_the_set_has_signed_is_believed(algorithm: str) -> None:
    assert read_id_token(signed(GOOD, algorithm), public(algorithm), EXPECTED) == GOOD


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({**GOOD, "iss": "id.example"}, id="the-other-issuer"),
        pytest.param({**GOOD, "aud": ["them", "us"], "azp": "us"}, id="more-audiences"),
        pytest.param({**GOOD, "exp": NOW - 60}, id="a-clock-that-is-late"),
        pytest.param({**GOOD, "iat": NOW + 60, "nbf": NOW + 60}, id="a-clock-that-is-early"),
        pytest.param({key: GOOD[key] for key in GOOD if key not in ("nonce", "iat")}, id="without-nonce"),
    ],
)
def test_a_token_for_us_of_now_is_believed(claims: dict[str, Any]) -> None:
    assert read_id_token(signed(claims), public(), EXPECTED) == claims


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({**GOOD, "iss": "https://id.example.evil"}, "it is of another issuer"),
        ({**GOOD, "iss": ["https://id.example"]}, "it is of another issuer"),
        ({**GOOD, "iss": None}, "it is of another issuer"),
        ({**GOOD, "aud": "them"}, "it is for another app"),
        ({**GOOD, "aud": []}, "it is for another app"),
        ({**GOOD, "aud": None}, "it is for another app"),
        ({**GOOD, "aud": "us.evil"}, "it is for another app"),
        ({**GOOD, "aud": ["us", "them"], "azp": "them"}, "it is for another app"),
        ({**GOOD, "exp": NOW - 121}, "it is too old"),
        ({**GOOD, "exp": None}, "it has no exp"),
        ({**GOOD, "exp": str(NOW + 60)}, "it has no exp"),
        ({**GOOD, "exp": True}, "it has no exp"),
        ({**GOOD, "iat": NOW + 121}, "it is of the future"),
        ({**GOOD, "nbf": NOW + 121}, "it is of the future"),
        ({**GOOD, "nonce": "n2"}, "it is of another login"),
        ({**GOOD, "nonce": ""}, "it is of another login"),
        ({**GOOD, "nonce": None}, "it is of another login"),
        ([GOOD], "it is no token"),
        (b"\xff{}", "it is no token"),
    ],
)
def test_a_token_that_is_not_for_this_login_is_refused(claims: Any, why: str) -> None:
    with pytest.raises(IdTokenRefused, match=f"^{why}$"):
        read_id_token(signed(claims), public(), EXPECTED)


def unsigned(header: dict[str, Any], secret: bytes = b"") -> str:
    begun = ".".join(encoded(json.dumps(part).encode()) for part in (header, GOOD))
    signature = hmac.new(secret, begun.encode(), hashlib.sha256).digest() if secret else b""
    return f"{begun}.{encoded(signature)}"


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("token", "why"),
    [
        pytest.param(unsigned({"alg": "none", "kid": "k1"}), "its signature does not hold", id="alg-none"),
        pytest.param(unsigned({"alg": "RS256", "kid": "k1"}), "its signature does not hold", id="no-signature"),
        pytest.param(unsigned({"alg": ["RS256"], "kid": "k1"}), "its signature does not hold", id="alg-list"),
        pytest.param(
            unsigned({"alg": "HS256", "kid": "k1"}, RSA.as_pem(private=False)),
            "its signature does not hold",
            id="the-public-key-as-a-secret",
        ),
        pytest.param(signed(GOOD, key=RSAKey.generate_key(2048)), "its signature does not hold", id="another-key"),
        pytest.param(signed(GOOD)[:-5] + "AAAAA", "its signature does not hold", id="a-changed-signature"),
        pytest.param("", "it is no token", id="nothing"),
        pytest.param("a.b", "it is no token", id="two-parts"),
        pytest.param("ü.ü.ü", "it is no token", id="no-base64"),
        pytest.param(signed({**GOOD, "more": "x" * 40_000}), "it is too long", id="too-long"),
    ],
)
def test_a_token_that_no_key_of_the_set_has_signed_is_refused(token: str, why: str) -> None:
    with pytest.raises(IdTokenRefused, match=f"^{why}$"):
        read_id_token(token, public(), EXPECTED)


def test_a_token_without_the_id_of_a_key_is_tried_with_all() -> None:
    keys = {"keys": [*public("ES256")["keys"], *public()["keys"]]}
    assert read_id_token(signed(GOOD, kid=None), keys, EXPECTED) == GOOD


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"keys": {}},
        {"keys": cast("list[Any]", [5, None, {}])},
        public(kid="k2"),
        public(use="enc"),
        public(n=5),
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}]},
    ],
    ids=["no-keys", "no-list", "no-key-in-it", "another-id", "for-encryption", "a-broken-one", "a-secret"],
)
def test_a_key_that_is_not_in_the_set_is_unknown(keys: dict[str, Any]) -> None:
    with pytest.raises(UnknownKey):
        read_id_token(signed(GOOD), keys, EXPECTED)
