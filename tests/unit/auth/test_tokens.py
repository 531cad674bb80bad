"""Tokens: only ours, only in force, only for what they were made for."""

import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from holdfast.auth.tokens import Claims, is_genuine, make_token, peek, signing_key

KEY = "k" * 50 + "s" * 50
NOW = int(time.time())


def claims(**changes: Any) -> dict[str, Any]:
    given = {"collectionId": "pbc_1", "exp": NOW + 3600, "id": "abc", "refreshable": True, "type": "auth"}
    return {name: value for name, value in (given | changes).items() if value is not None}


def signed(content: dict[str, Any], key: str = KEY, **header: Any) -> str:
    algorithm = header.pop("alg", "HS256")
    return jwt.encode({"alg": algorithm, **header}, content, OctKey.import_key(key), algorithms=[algorithm])


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def holds(token: str, key: str = KEY) -> bool:
    found = peek(token)
    return found is not None and is_genuine(token, found, key)


def test_a_token_of_ours_holds() -> None:
    token = make_token(Claims("pbc_1", NOW + 3600, "abc", refreshable=True, type="auth"), KEY)
    assert holds(token)
    assert peek(token) == Claims("pbc_1", NOW + 3600, "abc", refreshable=True, type="auth")


def test_a_token_says_what_pocketbases_clients_read() -> None:
    token = make_token(Claims("pbc_1", 2_000_000_000, "abc", refreshable=True, type="auth"), KEY)
    payload = token.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "==")) == {
        "collectionId": "pbc_1",
        "exp": 2_000_000_000,
        "id": "abc",
        "refreshable": True,
        "type": "auth",
    }


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(claims(), "x" * 100), id="another key"),
        pytest.param(f"{part({'alg': 'none'})}.{part(claims())}.", id="alg none"),
        pytest.param(f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(claims())}.", id="alg None"),
        pytest.param(signed(claims(), alg="HS512"), id="another algorithm"),
        pytest.param(signed(claims(exp=NOW - 1)), id="expired"),
        pytest.param(signed(claims(exp=None)), id="without an end"),
        pytest.param(signed(claims(exp=str(NOW + 3600))), id="the end is a text"),
        pytest.param(signed(claims(exp=1e30)), id="the end is beyond all time"),
        pytest.param(signed(claims(exp=float(NOW) + 3600.5)), id="the end is a fraction"),
        pytest.param(signed(claims(exp=True)), id="the end is a boolean"),
        pytest.param(signed(claims(nbf=NOW + 3600)), id="not yet in force"),
        pytest.param(signed(claims(type="passwordReset")), id="a token for something else"),
        pytest.param(signed(claims(type=None)), id="a token for nothing"),
        pytest.param(signed(claims(id="")), id="no record"),
        pytest.param(signed(claims(id="a\0b")), id="NUL in the record's id"),
        pytest.param(signed(claims(id=5)), id="the record's id is a number"),
        pytest.param(signed(claims(collectionId=None)), id="no collection"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="no base64"),
        pytest.param("..", id="three times nothing"),
        pytest.param(signed(claims()) + ".x", id="four parts"),
        pytest.param(signed(claims())[:-3], id="cut off"),
        pytest.param(signed(claims()) + "é", id="not ASCII"),
        pytest.param("x" * 5000, id="too long"),
    ],
)
def test_other_tokens_do_not(token: str) -> None:
    assert not holds(token)


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../dev/null"},
        {"jku": "https://evil.example/keys"},
        {"jwk": {"kty": "oct", "k": "eHh4"}},
        {"x5u": "https://evil.example/x"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_the_header_never_chooses_the_key(header: dict[str, Any]) -> None:
    assert not holds(signed(claims(), "x" * 100, **header))


def test_an_extension_that_must_be_understood_and_is_not_is_refused() -> None:
    head = part({"alg": "HS256", "crit": ["exp2"], "exp2": 1})
    token = signed(claims())
    assert not holds(f"{head}.{token.split('.')[1]}.{token.split('.')[2]}")


def test_an_asymmetric_token_is_refused() -> None:
    token = jwt.encode({"alg": "RS256"}, claims(), RSAKey.generate_key(2048), algorithms=["RS256"])
    assert not holds(token)


def test_a_claim_that_was_changed_after_signing_is_refused() -> None:
    head, _, signature = signed(claims()).split(".")
    assert not holds(f"{head}.{part(claims(id='other'))}.{signature}")


@pytest.mark.parametrize(("token_key", "secret"), [("", "s" * 50), ("k" * 50, ""), ("", "")])
def test_half_a_key_signs_nothing(token_key: str, secret: str) -> None:
    with pytest.raises(ValueError, match="needs the record's tokenKey"):
        signing_key(token_key, secret)
