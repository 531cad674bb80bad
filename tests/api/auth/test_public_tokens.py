"""Tokens that the server's own key signs (EdDSA): anybody can check them, nobody else can make them."""

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey
from joserfc.jws import JWSRegistry

from client import PASSWORD, Api, in_one_loop, refused
from holdfast.auth.principals import KEPT_SECONDS
from holdfast.auth.signing_keys import SETTING
from holdfast.auth.tokens import Claims, make_token, signing_key

KEYS = "/.well-known/jwks.json"
ROTATE = "/api/signing-keys/rotate"
USERS = "/api/collections/users/"
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc, of the checks made here


async def choose(api: Api, algorithm: str) -> None:
    answer = await api.root.patch("/api/collections/users", json={"authToken": {"algorithm": algorithm}})
    assert answer.status_code == 200, answer.text


async def signed_in(api: Api, email: str = "ann@example.com") -> str:
    await api.create("users", email=email, password=PASSWORD, passwordConfirm=PASSWORD)
    return await api.login(email, PASSWORD, "users")


async def public_keys(api: Api) -> list[dict[str, str]]:
    return (await api.guest.get(KEYS)).json()["keys"]


async def whoever(api: Api, token: str) -> str:
    """Who the server takes the bearer of a token for."""
    api.seen.requests.clear()
    await api.client(token).get("/api/health")
    return api.seen.requests[0].principal


def checked(token: str, keys: list[dict[str, str]]) -> dict[str, Any]:
    """The claims, as another service checks them: with the published keys and nothing else."""
    return jwt.decode(token, KeySet.import_key_set({"keys": keys}), algorithms=["EdDSA"]).claims


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, payload, _ = token.split(".")
    return _read(head), _read(payload)


def _read(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def _later(seconds: float) -> Any:
    real = time.monotonic
    return lambda: real() + seconds


async def test_a_token_of_the_servers_key_is_checked_by_anybody_with_what_is_published(api: Api) -> None:
    await choose(api, "EdDSA")
    assert await public_keys(api) == []
    token = await signed_in(api)
    (key,) = await public_keys(api)
    assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    claims = checked(token, [key])
    assert (claims["type"], claims["collectionId"]) == ("auth", "_pb_users_auth_")
    assert parts(token)[0] == {"typ": "JWT", "alg": "EdDSA", "kid": key["kid"]}
    assert (await whoever(api, token)).startswith("users/")
    answer = await api.client(token).post(USERS + "auth-refresh")
    assert (await whoever(api, answer.json()["token"])).startswith("users/")
    assert (await api.guest.get(KEYS)).headers["cache-control"] == "public, max-age=300"


async def test_two_first_logins_at_once_make_one_key(api: Api) -> None:
    await choose(api, "EdDSA")
    await api.create("users", email="ann@example.com", password=PASSWORD, passwordConfirm=PASSWORD)
    tokens = await asyncio.gather(*(api.login("ann@example.com", PASSWORD, "users") for _ in range(4)))
    assert len(await public_keys(api)) == 1
    assert {(await whoever(api, token)).partition("/")[0] for token in tokens} == {"users"}


async def test_a_new_token_key_ends_the_tokens_of_a_person(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await choose(api, "EdDSA")
    token, other = await signed_in(api), await signed_in(api, "bob@example.com")
    who = await whoever(api, token)
    change = {"password": "another password", "passwordConfirm": "another password"}
    answer = await api.root.patch(f"{USERS}records/{who.partition('/')[2]}", json=change)
    assert answer.status_code == 200, answer.text
    monkeypatch.setattr(time, "monotonic", _later(KEPT_SECONDS + 0.1))
    assert await whoever(api, token) == "guest"
    assert await whoever(api, other) != "guest"
    # What a service elsewhere sees is only that the server has signed it: that is what short tokens are for.
    assert checked(token, await public_keys(api))["id"] == who.partition("/")[2]


async def test_a_new_secret_of_the_collection_ends_its_tokens(api: Api) -> None:
    await choose(api, "EdDSA")
    token = await signed_in(api)
    answer = await api.root.patch("/api/collections/users", json={"authToken": {"secret": "s" * 50}})
    assert answer.status_code == 200, answer.text
    assert await whoever(api, token) == "guest"


async def test_another_algorithm_ends_the_tokens_of_the_one_before(api: Api) -> None:
    symmetric = await signed_in(api)
    assert await whoever(api, symmetric) != "guest"
    await choose(api, "EdDSA")
    assert await whoever(api, symmetric) == "guest"
    asymmetric = await api.login("ann@example.com", PASSWORD, "users")
    await choose(api, "HS256")
    assert await whoever(api, asymmetric) == "guest"


async def test_a_rotated_key_signs_no_more_and_its_tokens_hold_on(api: Api) -> None:
    await choose(api, "EdDSA")
    before = await signed_in(api)
    answer = await api.root.post(ROTATE)
    assert answer.status_code == 200
    keys = await public_keys(api)
    assert answer.json()["keys"] == keys
    assert len(keys) == 2
    after = await api.login("ann@example.com", PASSWORD, "users")
    assert [parts(token)[0]["kid"] for token in (after, before)] == [key["kid"] for key in keys]
    for token in (before, after):
        assert await whoever(api, token) != "guest"
        checked(token, keys)


async def test_a_key_goes_when_no_token_of_it_can_live_any_more(api: Api) -> None:
    await choose(api, "EdDSA")
    token = await signed_in(api)
    await api.root.post(ROTATE)
    connection = await api.pool.acquire()
    await connection.execute(
        "UPDATE holdfast.settings SET value = jsonb_set(value, '{1,retired}', '1000') WHERE key = $1", SETTING
    )
    api.pool.release(connection)
    await api.root.post(ROTATE)
    assert len(await public_keys(api)) == 2
    assert await whoever(api, token) == "guest"


async def test_only_superusers_rotate_keys(api: Api) -> None:
    refused(await api.guest.post(ROTATE), 401, "unauthenticated")
    refused(await api.client(await signed_in(api)).post(ROTATE), 403, "forbidden")


async def test_the_private_half_is_not_to_be_read_in_the_database(api: Api) -> None:
    await choose(api, "EdDSA")
    await signed_in(api)
    connection = await api.pool.acquire()
    ((stored,),) = await connection.fetch("SELECT value::text FROM holdfast.settings WHERE key = $1", SETTING)
    api.pool.release(connection)
    (key,) = json.loads(stored)
    assert key.keys() == {"kid", "x", "sealed", "created", "retired"}
    # 12 bytes of nonce, 43 characters of key, 16 bytes of seal: a private key in the clear would be shorter.
    assert len(base64.b64decode(key["sealed"])) == 12 + 43 + 16


async def test_s7_forged_tokens_open_nothing(api: Api) -> None:
    await choose(api, "EdDSA")
    token = await signed_in(api)
    (key,) = await public_keys(api)
    header, claims = parts(token)
    stranger = OKPKey.generate_key("Ed25519")
    public: dict[str, Any] = stranger.as_dict(private=False)
    whole = JWSRegistry(algorithms=["EdDSA"], strict_check_header=False)

    def by_stranger(**more: Any) -> str:
        return jwt.encode({**header, **more}, claims, stranger, registry=whole)

    forged = {
        "a key of one's own": by_stranger(),
        "a key that is in the header": by_stranger(jwk=public),
        "a key that is elsewhere": by_stranger(jku="https://evil.example/keys"),
        "a kid that is a path": by_stranger(kid="../../../dev/null"),
        "a kid that is SQL": by_stranger(kid="' OR true --"),
        "the public key as a shared secret": jwt.encode(
            {"alg": "HS256", "kid": key["kid"]}, claims, OctKey.import_key(key["x"])
        ),
        "no algorithm": f"{_part({**header, 'alg': 'none'})}.{_part(claims)}.",
        "another algorithm in the header": f"{_part({**header, 'alg': 'HS256'})}.{token.partition('.')[2]}",
        "other claims": f"{token.split('.')[0]}.{_part({**claims, 'exp': claims['exp'] + 1})}.{token.split('.')[2]}",
        "no kid": f"{_part({'typ': 'JWT', 'alg': 'EdDSA'})}.{token.partition('.')[2]}",
    }
    for name, text in forged.items():
        assert await whoever(api, text) == "guest", name
    assert await whoever(api, token) != "guest"


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def test_s8_a_symmetric_token_with_the_right_key_is_none_where_the_server_signs(api: Api) -> None:
    await choose(api, "EdDSA")
    claims = parts(await signed_in(api))[1]
    connection = await api.pool.acquire()
    token_key = await connection.fetchval('SELECT "tokenKey" FROM public.users')
    secret = await connection.fetchval(
        "SELECT definition #>> '{auth,authToken,secret}' FROM holdfast.collections WHERE name = 'users'"
    )
    api.pool.release(connection)
    said = Claims(
        collection_id=claims["collectionId"],
        exp=claims["exp"],
        id=claims["id"],
        refreshable=True,
        type="auth",
        digest=claims["digest"],
    )
    assert await whoever(api, make_token(said, signing_key(str(token_key), str(secret)))) == "guest"


@in_one_loop
@pytest.mark.parametrize("algorithm", ["none", "RS256", "hs256", "", 5], ids=repr)
async def test_a_collection_chooses_of_two(shared_api: Api, algorithm: object) -> None:
    answer = await shared_api.root.patch("/api/collections/users", json={"authToken": {"algorithm": algorithm}})
    problem = refused(answer, 400, "validation_failed")["data"]["authToken"]["algorithm"]
    assert problem["message"] == "Must be one of HS256, EdDSA."


@in_one_loop
async def test_only_login_tokens_can_be_public(shared_api: Api) -> None:
    answer = await shared_api.root.patch("/api/collections/users", json={"fileToken": {"algorithm": "EdDSA"}})
    assert "algorithm" not in answer.json()["fileToken"]
