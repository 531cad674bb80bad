"""Logging in with a password."""

import asyncio
import itertools
from typing import Any

import bcrypt
import pytest

from client import EMAIL, PASSWORD, Api, in_one_loop, refused
from holdfast.auth.attempts import PER_ACCOUNT, PER_ADDRESS
from holdfast.passwords import hash_password

LOGIN = "/api/collections/_superusers/auth-with-password"
USERS = "/api/collections/users/auth-with-password"


async def user(api: Api, email: str = "ann@example.com", **more: Any) -> dict[str, Any]:
    return await api.create("users", email=email, password=PASSWORD, passwordConfirm=PASSWORD, **more)


async def change_auth(api: Api, collection: str, **options: Any) -> None:
    answer = await api.root.patch(f"/api/collections/{collection}", json=options)
    assert answer.status_code == 200, answer.text


async def store_password(api: Api, email: str, hashed: str) -> None:
    connection = await api.pool.acquire()
    await connection.execute("UPDATE public.users SET password = $1 WHERE email = $2", hashed, email)
    api.pool.release(connection)


async def stored_password(api: Api, email: str) -> str:
    connection = await api.pool.acquire()
    found = await connection.fetchval("SELECT password FROM public.users WHERE email = $1", email)
    api.pool.release(connection)
    return str(found)


@in_one_loop
async def test_a_superuser_gets_a_token_and_its_record(shared_api: Api) -> None:
    answer = await shared_api.guest.post(LOGIN, json={"identity": EMAIL, "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert list(body) == ["token", "record"]
    assert body["record"]["email"] == EMAIL
    assert body["record"]["collectionName"] == "_superusers"
    assert not {"password", "tokenKey"} & body["record"].keys()
    assert (await shared_api.client(body["token"]).get("/api/collections")).status_code == 200


@in_one_loop
async def test_a_token_is_taken_with_bearer_and_without(shared_api: Api) -> None:
    token = await shared_api.login()
    for header in (token, f"Bearer {token}", f"bearer {token}", f"BEARER  {token}"):
        assert (await shared_api.client(header).get("/api/collections")).status_code == 200


@pytest.mark.parametrize("collection", ["users", "_pb_users_auth_"])
async def test_a_user_logs_in_to_a_collection_by_name_or_id(api: Api, collection: str) -> None:
    made = await user(api, name="Ann")
    answer = await api.guest.post(
        f"/api/collections/{collection}/auth-with-password", json={"identity": "ann@example.com", "password": PASSWORD}
    )
    assert answer.json()["record"]["id"] == made["id"]
    assert answer.json()["record"]["email"] == "ann@example.com", "a person sees their own email"


@pytest.mark.parametrize(
    ("fields", "keys", "record"),
    [
        pytest.param("record.name,record.email", {"record"}, {"email": "ann@example.com", "name": "Ann"}, id="record"),
        pytest.param("*,record.name", {"token", "record"}, {"name": "Ann"}, id="everything, narrowed"),
        pytest.param("token,record.name", {"token", "record"}, {"name": "Ann"}, id="both"),
        pytest.param("token", {"token"}, None, id="the token alone"),
    ],
)
async def test_fields_picks_from_the_whole_answer(
    api: Api, fields: str, keys: set[str], record: dict[str, str] | None
) -> None:
    await user(api, name="Ann")
    credentials = {"identity": "ann@example.com", "password": PASSWORD}
    answer = (await api.guest.post(f"{USERS}?fields={fields}", json=credentials)).json()
    assert answer.keys() == keys
    assert answer.get("record") == record


@in_one_loop
async def test_a_login_that_is_no_text_is_told_so(shared_api: Api) -> None:
    answer = await shared_api.guest.post(LOGIN, json={"identity": 5, "password": ["a"]})
    data = refused(answer, 400, "validation_failed")["data"]
    assert {problem["code"] for problem in data.values()} == {"validation_invalid_value"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"identity": "nobody@example.com", "password": PASSWORD}, id="unknown"),
        pytest.param({"identity": EMAIL, "password": "wrong"}, id="wrong password"),
        pytest.param({"identity": EMAIL, "password": "x" * 10_000}, id="a password of 10,000 characters"),
        pytest.param(
            {"identity": EMAIL, "password": PASSWORD, "identityField": "id"}, id="a field that is no identity"
        ),
        pytest.param({"identity": EMAIL, "password": PASSWORD, "identityField": "password"}, id="the password field"),
        pytest.param({"identity": EMAIL, "password": PASSWORD, "identityField": "nothing"}, id="no field"),
        pytest.param({"identity": "' OR 1=1 --", "password": "' OR 1=1 --"}, id="SQL"),
        pytest.param({"identity": "%", "password": PASSWORD}, id="a wildcard"),
    ],
)
async def test_whatever_is_wrong_the_answer_is_the_same(api: Api, body: dict[str, str]) -> None:
    answer = await api.guest.post(LOGIN, json=body)
    found = refused(answer, 400, "bad_request")
    assert (found["message"], found["data"]) == ("Failed to authenticate.", {})


@in_one_loop
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"identity", "password"}),
        ({"identity": "", "password": ""}, {"identity", "password"}),
        ({"identity": "a"}, {"password"}),
        ({"identity": ["a"], "password": {"b": 1}}, {"identity", "password"}),
        ({"identity": "a" * 256, "password": "b"}, {"identity"}),
        ({"identity": "a", "password": "b", "identityField": 5}, {"identityField"}),
    ],
)
async def test_what_is_missing_is_named(shared_api: Api, body: dict[str, Any], fields: set[str]) -> None:
    answer = await shared_api.guest.post(LOGIN, json=body)
    assert refused(answer, 400, "validation_failed")["data"].keys() == fields


@in_one_loop
async def test_a_key_that_comes_twice_is_refused(shared_api: Api) -> None:
    body = b'{"identity":"a@example.com","identity":"%s","password":"%s"}' % (EMAIL.encode(), PASSWORD.encode())
    answer = await shared_api.guest.post(LOGIN, content=body, headers={"content-type": "application/json"})
    refused(answer, 400, "bad_request")


async def test_guessing_one_account_ends_soon(api: Api) -> None:
    await user(api)
    for number in range(PER_ACCOUNT):
        client = api.client(address=f"198.51.100.{number}")
        # Fields of one's own invention do not make it another account.
        body = {"identity": "ann@example.com", "password": "wrong", "email": f"{number}", f"x{number}": number}
        refused(await client.post(USERS, json=body), 400, "bad_request")
    answer = await api.client(address="203.0.113.1").post(
        USERS, json={"identity": "ann@example.com", "password": PASSWORD}
    )
    refused(answer, 429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 300
    assert answer.headers["ratelimit"].startswith('"login";r=0;t=')
    assert answer.headers["ratelimit-policy"].startswith('"login";q=')


async def test_guessing_from_one_address_ends_soon(api: Api) -> None:
    client = api.client(address="203.0.113.7")
    for number in range(PER_ADDRESS):
        headers = {"x-forwarded-for": f"198.51.100.{number}"}
        body = {"identity": f"{number}@example.com", "password": "x" * 2000}
        assert (await client.post(USERS, json=body, headers=headers)).status_code == 400
    refused(await client.post(USERS, json={"identity": "a@b.example", "password": "x"}), 429, "rate_limited")


@in_one_loop
async def test_a_login_that_succeeds_is_never_counted(shared_api: Api) -> None:
    for _ in range(PER_ACCOUNT + 2):
        await shared_api.login()


@pytest.mark.usefixtures("proper_passwords")
async def test_a_bcrypt_hash_of_an_import_logs_in_once_and_is_then_argon2(api: Api) -> None:
    await user(api)
    await store_password(api, "ann@example.com", bcrypt.hashpw(b"from PocketBase", bcrypt.gensalt(4)).decode())
    await api.login("ann@example.com", "from PocketBase", "users")
    assert (await stored_password(api, "ann@example.com")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await api.login("ann@example.com", "from PocketBase", "users")


async def test_a_password_stays_as_it_is_hashed_when_nothing_is_to_be_renewed(api: Api) -> None:
    await user(api)
    await store_password(api, "ann@example.com", before := await hash_password("fine"))
    await api.login("ann@example.com", "fine", "users")
    assert await stored_password(api, "ann@example.com") == before


async def test_other_fields_can_name_a_person_where_the_collection_says_so(api: Api) -> None:
    await change_auth(
        api,
        "users",
        fields=[
            *(await api.root.get("/api/collections/users")).json()["fields"],
            {"name": "nick", "type": "text", "unique": True},
        ],
        indexes=[
            *(await api.root.get("/api/collections/users")).json()["indexes"],
            "CREATE UNIQUE INDEX `idx_nick` ON `users` (`nick`) WHERE `nick` != ''",
        ],
    )
    await change_auth(api, "users", passwordAuth={"enabled": True, "identityFields": ["email", "nick"]})
    await user(api, nick="annie")
    await api.login("annie", PASSWORD, "users")
    await api.login("ann@example.com", PASSWORD, "users")
    body = {"identity": "annie", "password": PASSWORD, "identityField": "email"}
    refused(await api.guest.post(USERS, json=body), 400, "bad_request")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"passwordAuth": {"enabled": False}}, id="passwords are off"),
        pytest.param({"authRule": None}, id="the rule is closed"),
        pytest.param({"authRule": "verified = true"}, id="the rule is an expression, which nothing evaluates yet"),
    ],
)
async def test_a_collection_that_lets_nobody_in_says_so(api: Api, options: dict[str, Any]) -> None:
    await user(api)
    await change_auth(api, "users", **options)
    answer = await api.guest.post(USERS, json={"identity": "ann@example.com", "password": PASSWORD})
    refused(answer, 403, "forbidden")


@pytest.mark.parametrize("path", ["auth-with-password", "auth-refresh", "auth-methods"])
async def test_only_auth_collections_have_logins(api: Api, path: str) -> None:
    await api.define("posts", [])
    method = "GET" if path == "auth-methods" else "POST"
    refused(await api.guest.request(method, f"/api/collections/posts/{path}", json={}), 404, "not_found")


@in_one_loop
async def test_the_ways_to_log_in_are_told(shared_api: Api) -> None:
    assert (await shared_api.guest.get("/api/collections/users/auth-methods")).json() == {
        "password": {"enabled": True, "identityFields": ["email"]},
        "oauth2": {"enabled": False, "providers": []},
        "mfa": {"enabled": False, "duration": 0},
        "otp": {"enabled": False, "duration": 0},
        "passkey": {"enabled": True},
        "authProviders": [],
        "usernamePassword": False,
        "emailPassword": True,
    }


@pytest.mark.usefixtures("proper_passwords")
async def test_a_flood_of_logins_holds_nobody_else_up(api: Api) -> None:
    await api.define("posts", [])

    async def guess(number: int) -> int:
        client = api.client(address=f"198.51.{number // 250}.{number % 250}")
        answer = await client.post(USERS, json={"identity": f"{number}@example.com", "password": "wrong"})
        return answer.status_code

    flood = [asyncio.create_task(guess(number)) for number in range(200)]
    checked: list[int] = [0]
    while not all(task.done() for task in flood):
        assert (await api.guest.get("/api/collections/posts/records")).status_code == 200
        checked.append(sum(task.done() and task.result() == 400 for task in flood))
    assert {task.result() for task in flood} <= {400, 503}
    # Counted in passwords and not in seconds: no read waited until more than half of them were checked.
    assert max(after - before for before, after in itertools.pairwise(checked)) <= checked[-1] // 2
