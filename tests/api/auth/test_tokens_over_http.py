"""What a token opens, and when it stops to."""

import time
from typing import Any

import pytest

from client import EMAIL, PASSWORD, Api, in_one_loop, refused
from holdfast.auth.principals import KEPT_SECONDS
from holdfast.auth.superusers import upsert_superuser
from holdfast.auth.tokens import Claims, make_token

REFRESH = "/api/collections/_superusers/auth-refresh"


async def user_token(api: Api, email: str = "ann@example.com") -> str:
    await api.create("users", email=email, password=PASSWORD, passwordConfirm=PASSWORD)
    return await api.login(email, PASSWORD, "users")


async def whoever(api: Api, token: str) -> str:
    """Who the server takes the bearer of a token for."""
    api.seen.requests.clear()
    await api.client(token).get("/api/health")
    return api.seen.requests[0].principal


async def keys(api: Api) -> tuple[str, str]:
    """The id of the superuser, and the key that its tokens are signed with."""
    connection = await api.pool.acquire()
    row = await connection.fetchrow('SELECT id, "tokenKey" FROM public."_superusers" WHERE email = $1', EMAIL)
    secret = await connection.fetchval(
        "SELECT definition #>> '{auth,authToken,secret}' FROM holdfast.collections WHERE name = '_superusers'"
    )
    api.pool.release(connection)
    assert row is not None
    return row["id"], row["tokenKey"] + secret


async def forged(api: Api, **changes: Any) -> str:
    """A token of the superuser with other claims, signed with the right key."""
    id, key = await keys(api)
    claims = {
        "collection_id": "pbc_3142635823",
        "exp": int(time.time()) + 60,
        "id": id,
        "refreshable": True,
        "type": "auth",
    }
    return make_token(Claims(**(claims | changes)), key)


async def test_a_token_is_its_record(api: Api) -> None:
    assert (await whoever(api, await api.login())).startswith("_superusers/")
    assert (await whoever(api, await user_token(api))).startswith("users/")
    assert (await whoever(api, await forged(api))).startswith("_superusers/")


@in_one_loop
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": int(time.time()) - 1}, id="expired"),
        pytest.param({"collection_id": "_pb_users_auth_"}, id="of another collection"),
        pytest.param({"collection_id": "nothing"}, id="of no collection"),
        pytest.param({"id": "nobody000000000"}, id="of no record"),
        pytest.param({"id": "' OR true --"}, id="of no id"),
        pytest.param({"type": "passwordReset"}, id="of another type"),
    ],
)
async def test_a_token_that_does_not_hold_makes_a_guest(shared_api: Api, changes: dict[str, Any]) -> None:
    assert await whoever(shared_api, await forged(shared_api, **changes)) == "guest"


@in_one_loop
@pytest.mark.parametrize("token", ["nonsense", "Bearer", "Bearer ", "Basic cm9vdDpyb290", "é", "a.b.c", "x" * 9000])
async def test_nonsense_makes_a_guest_and_no_error(shared_api: Api, token: str) -> None:
    client = shared_api.client()
    client.headers = [(b"authorization", token.encode("latin-1"))]  # type: ignore[assignment]
    assert (await client.get("/api/health")).status_code == 200
    assert shared_api.seen.requests[-1].principal == "guest"
    refused(await client.get("/api/collections"), 401, "unauthenticated")


async def test_only_superusers_may_do_what_is_for_superusers(api: Api) -> None:
    refused(await api.guest.get("/api/collections"), 401, "unauthenticated")
    refused(await api.client(await user_token(api)).get("/api/collections"), 403, "forbidden")
    assert (await api.root.get("/api/collections")).status_code == 200


async def test_a_user_of_a_collection_that_calls_itself_superusers_is_none(api: Api) -> None:
    await api.define("superusers", type="auth", fields=[])
    await api.create("superusers", email="eve@example.com", password=PASSWORD, passwordConfirm=PASSWORD)
    token = await api.login("eve@example.com", PASSWORD, "superusers")
    refused(await api.client(token).get("/api/collections"), 403, "forbidden")


async def test_a_new_password_ends_all_tokens(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await api.login()
    assert await whoever(api, token) != "guest"
    await upsert_superuser(api.pool, EMAIL, "another long password")
    monkeypatch.setattr(time, "monotonic", _later(KEPT_SECONDS + 0.1))
    assert await whoever(api, token) == "guest"


async def test_a_record_that_is_gone_has_no_token(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await user_token(api)
    assert await whoever(api, token) != "guest"
    connection = await api.pool.acquire()
    await connection.execute("DELETE FROM public.users")
    api.pool.release(connection)
    monkeypatch.setattr(time, "monotonic", _later(KEPT_SECONDS + 0.1))
    assert await whoever(api, token) == "guest"


async def test_a_new_secret_of_the_collection_ends_its_tokens_at_once(api: Api) -> None:
    token = await user_token(api)
    assert await whoever(api, token) != "guest"
    answer = await api.root.patch("/api/collections/users", json={"authToken": {"secret": "s" * 50}})
    assert answer.status_code == 200, answer.text
    assert await whoever(api, token) == "guest"


def _later(seconds: float) -> Any:
    real = time.monotonic
    return lambda: real() + seconds


@in_one_loop
async def test_a_good_token_is_exchanged_for_a_new_one(shared_api: Api) -> None:
    answer = await shared_api.root.post(REFRESH)
    assert answer.status_code == 200
    assert answer.json()["record"]["email"] == EMAIL
    assert (await whoever(shared_api, answer.json()["token"])).startswith("_superusers/")


@in_one_loop
async def test_a_guest_has_nothing_to_exchange(shared_api: Api) -> None:
    refused(await shared_api.guest.post(REFRESH), 401, "unauthenticated")
    refused(await shared_api.client("nonsense").post(REFRESH), 401, "unauthenticated")


async def test_a_token_is_exchanged_by_its_own_collection_only(api: Api) -> None:
    refused(await api.client(await user_token(api)).post(REFRESH), 403, "forbidden")


async def test_a_token_that_has_the_letters_of_an_api_key_in_it_is_a_token(api: Api) -> None:
    # About one of a thousand has: base64 writes any letters.
    id, key = await keys(api)
    end, token = int(time.time()) + 60, ""
    while "hf_" not in token:
        end += 1
        token = make_token(Claims("pbc_3142635823", end, id, refreshable=True, type="auth"), key)
    assert (await whoever(api, token)).startswith("_superusers/")
    assert (await whoever(api, f"Bearer {token}")).startswith("_superusers/")
