"""Tokens: only ours, only in force, only for what they were made for."""

import base64
import hmac
import json
import time
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey, RSAKey

from holdfast.auth.tokens import (
    Claims,
    LinkClaims,
    is_genuine,
    is_genuine_public,
    key_digest,
    kid_of,
    make_public_token,
    make_token,
    peek,
    peek_as,
    signing_key,
)

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


def raw(head: bytes, payload: bytes, key: str = KEY) -> str:
    """A token of exactly these bytes, signed as HS256 signs."""
    signed = b".".join(base64.urlsafe_b64encode(one).rstrip(b"=") for one in (head, payload))
    signature = base64.urlsafe_b64encode(hmac.digest(key.encode(), signed, "sha256")).rstrip(b"=")
    return b".".join((signed, signature)).decode()


PLAIN = json.dumps(claims()).encode()
TWICE = PLAIN[:-1] + b',"id":"abc"}'
NAN = PLAIN.replace(str(NOW + 3600).encode(), b"NaN")


def holds(token: str, key: str = KEY) -> bool:
    found = peek(token)
    return found is not None and is_genuine(token, found, key)


OURS = Claims("pbc_1", NOW + 3600, "abc", refreshable=True, type="auth")


def test_a_token_of_ours_holds() -> None:
    token = make_token(OURS, KEY)
    assert holds(token)
    assert peek(token) == OURS


def test_bytes_of_our_own_are_taken_when_nothing_is_wrong_with_them() -> None:
    assert holds(raw(b'{"alg":"HS256"}', PLAIN))
    assert holds(raw(b'{"alg":"HS256","typ":"JWT"}', PLAIN))


LINK = LinkClaims("pbc_1", NOW + 86_400, "abc", "passwordReset", "a@example.com")


def test_a_token_for_one_purpose_is_none_for_another() -> None:
    link = make_token(LINK, KEY)
    assert peek(link) is None
    assert peek_as(link, LinkClaims) == LINK
    assert is_genuine(link, LINK, KEY)
    assert not is_genuine(link, msgspec.structs.replace(LINK, type="verification"), KEY)
    assert peek_as(make_token(OURS, KEY), LinkClaims) is None


def test_a_token_of_the_servers_key_holds_while_the_records_key_is_the_same() -> None:
    pair = OKPKey.generate_key("Ed25519")
    said = msgspec.structs.replace(OURS, digest=key_digest(KEY))
    token = make_public_token(said, pair, "one")
    assert kid_of(token) == "one"
    assert peek(token) == said
    assert is_genuine_public(token, said, pair, KEY)
    assert not is_genuine_public(token, said, pair, "x" * 100)
    assert not is_genuine_public(token, said, OKPKey.generate_key("Ed25519"), KEY)
    assert not is_genuine(token, said, KEY)
    assert KEY not in base64.urlsafe_b64decode(token.split(".")[1] + "==").decode()


@pytest.mark.parametrize("token", ["", "a.b.c", "W10.b.c", part({"kid": 5}) + ".b.c", part({}) + ".b.c"], ids=repr)
def test_a_token_that_names_no_key_names_none(token: str) -> None:
    assert kid_of(token) == ""


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
        pytest.param(signed(claims(aud="somebody else")), id="for somebody else"),
        pytest.param(signed(claims(iss="somebody else")), id="by somebody else"),
        pytest.param(signed(claims(nbf="soon")), id="the beginning is a text"),
        pytest.param(raw(b'{"alg":"HS256"}', NAN), id="the end is no number"),
        pytest.param(raw(b'{"alg":"HS256"}', TWICE), id="a claim comes twice"),
        pytest.param(raw(b'{"alg":"HS256","alg":"none"}', PLAIN), id="the algorithm comes twice"),
        pytest.param(raw(b'{"alg":"none","alg":"HS256"}', PLAIN), id="the algorithm comes twice, ours last"),
        pytest.param(raw(b'{"alg":"HS256","kid":5}', PLAIN), id="a key's name that is a number"),
        pytest.param(raw(b'{"alg":["HS256"]}', PLAIN), id="a list of algorithms"),
        pytest.param(raw(b"[]", PLAIN), id="a head that is a list"),
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
