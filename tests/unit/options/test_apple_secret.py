"""The client secret for Apple: what it says, who has signed it, and what none is made of."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import ECKey

from holdfast.errors import Problem, ValidationFailed
from holdfast.options.apple import MAX_SECONDS, client_secret

NOW = 1_800_000_000.75
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any, password: bytes = b"") -> str:
    """A private key as Apple hands it out."""
    packing = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, packing).decode()


def codes(refusal: ValidationFailed) -> dict[str, str]:
    """What is wrong with which key."""
    return {name: problem.code for name, problem in refusal.data.items() if isinstance(problem, Problem)}


PUBLIC = (
    KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
GIVEN: dict[str, Any] = {
    "clientId": "com.example.shop",
    "teamId": "A1B2C3D4E5",
    "keyId": "F6G7H8I9J0",
    "privateKey": pem(KEY),
    "duration": 3600,
}


def test_a_secret_says_what_apple_wants_and_is_signed_with_the_key():
    found = jwt.decode(client_secret(GIVEN, NOW), ECKey.import_key(PUBLIC), algorithms=["ES256"])
    assert found.header == {"typ": "JWT", "alg": "ES256", "kid": "F6G7H8I9J0"}
    assert found.claims == {
        "iss": "A1B2C3D4E5",
        "sub": "com.example.shop",
        "aud": "https://appleid.apple.com",
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
    }


@pytest.mark.parametrize("duration", [1, 60.0, MAX_SECONDS])
def test_a_secret_may_be_good_for_a_second_or_for_six_months(duration: float):
    assert client_secret({**GIVEN, "duration": duration}, NOW).count(".") == 2


WRONG = [
    ("clientId", None, "validation_required"),
    ("clientId", "", "validation_required"),
    ("clientId", 7, "validation_invalid_value"),
    ("clientId", "c" * 256, "validation_length_out_of_range"),
    ("teamId", "", "validation_required"),
    ("teamId", "A1B2C3D4E", "validation_length_invalid"),
    ("teamId", "A1B2C3D4E5F", "validation_length_invalid"),
    ("keyId", ["F6G7H8I9J0"], "validation_invalid_value"),
    ("keyId", "F6G7H8I9J", "validation_length_invalid"),
    ("duration", None, "validation_required"),
    ("duration", 0, "validation_required"),
    ("duration", True, "validation_invalid_value"),
    ("duration", "3600", "validation_invalid_value"),
    ("duration", 1.5, "validation_invalid_value"),
    ("duration", float("inf"), "validation_invalid_value"),
    ("duration", -1, "validation_min_greater_equal_than_required"),
    ("duration", MAX_SECONDS + 1, "validation_max_less_equal_than_required"),
    ("privateKey", None, "validation_required"),
    ("privateKey", 7, "validation_invalid_value"),
]


@pytest.mark.parametrize(("name", "content", "code"), WRONG)
def test_what_is_wrong_is_said_by_key(name: str, content: object, code: str):
    with pytest.raises(ValidationFailed) as refusal:
        client_secret({**GIVEN, name: content}, NOW)
    assert codes(refusal.value) == {name: code}


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(ValidationFailed) as refusal:
        client_secret({}, NOW)
    assert set(refusal.value.data) == set(GIVEN)


NO_KEYS = {
    "its path": "/home/ann/AuthKey_F6G7H8I9J0.p8",
    "no PEM": "-----BEGIN PRIVATE KEY----- invalid -----END PRIVATE KEY-----",
    "half of one": pem(KEY)[:80],
    "a public key": PUBLIC,
    "RSA": pem(rsa.generate_private_key(65537, 2048)),
    "Ed25519": pem(ed25519.Ed25519PrivateKey.generate()),
    "a larger curve": pem(ec.generate_private_key(ec.SECP384R1())),
    "a curve that few know": pem(ec.generate_private_key(ec.BrainpoolP256R1())),
    "with a password": pem(KEY, b"secret"),
    "public, called private": PUBLIC.replace("PUBLIC", "PRIVATE"),
    "too long": pem(KEY) + "\n" * 10_000,
}


@pytest.mark.parametrize("key", NO_KEYS.values(), ids=NO_KEYS)
def test_what_cannot_sign_for_apple_is_no_key(key: str):
    with pytest.raises(ValidationFailed) as refusal:
        client_secret({**GIVEN, "privateKey": key}, NOW)
    assert codes(refusal.value) == {"privateKey": "validation_match_invalid"}
    assert key not in str(refusal.value.data)
