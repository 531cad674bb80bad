"""Sessions: refresh tokens that follow one another, and what ends them."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from client import EMAIL, PASSWORD, Api, in_one_loop, refused
from holdfast.auth.principals import KEPT_SECONDS
from holdfast.auth.sessions import GRACE_SECONDS, MOST_SESSIONS, TOKEN_SECONDS, sweep_sessions
from holdfast.auth.tokens import peek

USERS = "/api/collections/users/"
REFRESH = USERS + "auth-refresh"
SESSIONS = USERS + "sessions"
names = iter(range(10_000))


async def begin(api: Api, email: str = "", **headers: str) -> dict[str, Any]:
    """A session of a new user, or of the one with this email: the answer to the login."""
    if not email:
        email = f"person{next(names)}@example.com"
        await api.create("users", email=email, password=PASSWORD, passwordConfirm=PASSWORD)
    body = {"identity": email, "password": PASSWORD, "session": True}
    answer = await api.guest.post(USERS + "auth-with-password", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "email": email}


async def refresh(api: Api, token: object) -> httpx.Response:
    return await api.guest.post(REFRESH, json={"refreshToken": token})


async def next_of(api: Api, token: str) -> str:
    answer = await refresh(api, token)
    assert answer.status_code == 200, answer.text
    return answer.json()["refreshToken"]


async def whoever(api: Api, token: str) -> str:
    """Who the server takes the bearer of a token for."""
    api.seen.requests.clear()
    await api.client(token).get("/api/health")
    return api.seen.requests[0].principal


async def run(api: Api, sql: str, *values: object) -> str:
    connection = await api.pool.acquire()
    try:
        return await connection.execute(sql, *values)
    finally:
        api.pool.release(connection)


async def sessions(api: Api, token: str) -> list[dict[str, Any]]:
    answer = await api.client(token).get(SESSIONS)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def age(api: Api, seconds: float) -> None:
    """Let all refreshes so far be longer ago."""
    await run(api, "UPDATE holdfast.sessions SET rotated = rotated - make_interval(secs => $1)", float(seconds))


def _later(seconds: float) -> Any:
    real = time.monotonic
    return lambda: real() + seconds


@in_one_loop
async def test_a_login_that_asks_for_a_session_gets_a_refresh_token_and_a_short_token(shared_api: Api) -> None:
    found = await begin(shared_api)
    assert list(found) == ["token", "refreshToken", "record", "email"]
    claims = peek(found["token"])
    assert claims is not None
    assert TOKEN_SECONDS - 5 <= claims.exp - time.time() <= TOKEN_SECONDS
    assert claims.sid
    assert (await whoever(shared_api, found["token"])).startswith("users/")


@in_one_loop
@pytest.mark.parametrize("session", [None, False, "true", 1], ids=repr)
async def test_a_login_that_does_not_gets_none(shared_api: Api, session: object) -> None:
    found = await begin(shared_api)
    body = {"identity": found["email"], "password": PASSWORD, "session": session}
    answer = (await shared_api.guest.post(USERS + "auth-with-password", json=body)).json()
    assert list(answer) == ["token", "record"]
    claims = peek(answer["token"])
    assert claims is not None
    assert not claims.sid


@in_one_loop
async def test_a_refresh_answers_a_token_its_successor_and_the_record(shared_api: Api) -> None:
    found = await begin(shared_api)
    answer = await refresh(shared_api, found["refreshToken"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert list(body) == ["token", "refreshToken", "record"]
    assert body["refreshToken"] != found["refreshToken"]
    assert body["record"]["id"] == found["record"]["id"]
    assert (await whoever(shared_api, body["token"])).startswith("users/")
    await next_of(shared_api, body["refreshToken"])


@in_one_loop
async def test_fields_picks_from_a_refresh_too(shared_api: Api) -> None:
    found = await begin(shared_api)
    answer = await shared_api.guest.post(
        f"{REFRESH}?fields=refreshToken,record.email", json={"refreshToken": found["refreshToken"]}
    )
    assert answer.json().keys() == {"refreshToken", "record"}
    assert answer.json()["record"] == {"email": found["email"]}


@in_one_loop
async def test_a_mistake_in_the_request_does_not_use_the_token_up(shared_api: Api) -> None:
    token = (await begin(shared_api))["refreshToken"]
    answer = await shared_api.guest.post(f"{REFRESH}?fields=a:nothing(", json={"refreshToken": token})
    refused(answer, 400, "bad_request")
    await age(shared_api, GRACE_SECONDS + 1)
    await next_of(shared_api, token)


async def test_s10_a_lost_answer_is_given_again_within_the_grace(api: Api) -> None:
    token = (await begin(api))["refreshToken"]
    first = await next_of(api, token)
    await age(api, GRACE_SECONDS - 2)
    assert await next_of(api, token) == first
    assert await next_of(api, token) == first
    await next_of(api, first)


async def test_s10_a_refresh_token_that_is_used_again_ends_the_session_and_is_logged(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await begin(api)
    other = await begin(api, found["email"])
    following = await next_of(api, found["refreshToken"])
    await age(api, GRACE_SECONDS + 1)
    capsys.readouterr()
    refused(await refresh(api, found["refreshToken"]), 401, "unauthenticated")
    logged = capsys.readouterr().out
    assert "a refresh token was used twice" in logged
    assert found["refreshToken"] not in logged
    # The successor is ended with it, and so is the token, but not the other session of the same person.
    refused(await refresh(api, following), 401, "unauthenticated")
    monkeypatch.setattr(time, "monotonic", _later(KEPT_SECONDS + 0.1))
    assert await whoever(api, found["token"]) == "guest"
    assert await whoever(api, other["token"]) != "guest"
    await next_of(api, other["refreshToken"])


async def test_s10_two_steps_back_is_theft_even_within_the_grace(api: Api) -> None:
    token = (await begin(api))["refreshToken"]
    latest = await next_of(api, await next_of(api, token))
    refused(await refresh(api, token), 401, "unauthenticated")
    refused(await refresh(api, latest), 401, "unauthenticated")


@in_one_loop
async def test_s11_refreshes_at_once_get_one_successor(shared_api: Api) -> None:
    token = (await begin(shared_api))["refreshToken"]
    answers = await asyncio.gather(*(refresh(shared_api, token) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {answer.json()["refreshToken"] for answer in answers}
    await next_of(shared_api, successor)


@in_one_loop
@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        pytest.param("", 401, "unauthenticated", id="empty"),
        pytest.param("nonsense", 401, "unauthenticated", id="nonsense"),
        pytest.param("hfr_" + "A" * 87, 401, "unauthenticated", id="never ours"),
        pytest.param("hfr_" + "é" * 87, 401, "unauthenticated", id="not ASCII"),
        pytest.param("x" * 100_000, 401, "unauthenticated", id="too long"),
        pytest.param(5, 400, "validation_failed", id="a number"),
        pytest.param(["a"], 400, "validation_failed", id="a list"),
    ],
)
async def test_what_is_no_refresh_token_refreshes_nothing(
    shared_api: Api, sent: object, status: int, code: str
) -> None:
    refused(await refresh(shared_api, sent), status, code)


@in_one_loop
async def test_a_changed_token_is_refused_and_ends_nothing(shared_api: Api) -> None:
    token = (await begin(shared_api))["refreshToken"]
    for at in (10, 30, 60, 85):
        other = "A" if token[at] != "A" else "B"
        refused(await refresh(shared_api, token[:at] + other + token[at + 1 :]), 401, "unauthenticated")
    await next_of(shared_api, token)


@in_one_loop
async def test_s9_a_token_is_no_refresh_token_and_a_refresh_token_no_token(shared_api: Api) -> None:
    found = await begin(shared_api)
    refused(await refresh(shared_api, found["token"]), 401, "unauthenticated")
    assert await whoever(shared_api, found["refreshToken"]) == "guest"
    # Nor does the token of a session renew itself: else it would live as long as its thief likes.
    refused(await shared_api.client(found["token"]).post(REFRESH), 403, "forbidden")


@in_one_loop
async def test_a_refresh_token_counts_in_its_own_collection_only(shared_api: Api) -> None:
    token = (await begin(shared_api))["refreshToken"]
    answer = await shared_api.guest.post("/api/collections/_superusers/auth-refresh", json={"refreshToken": token})
    refused(answer, 401, "unauthenticated")
    await next_of(shared_api, token)


CHANGES = [
    pytest.param({"password": "another password", "passwordConfirm": "another password"}, id="the password"),
    pytest.param({"email": "new@example.com"}, id="the email"),
    pytest.param({"tokenKey": "k" * 50}, id="the token key"),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_s12_a_change_of_who_somebody_is_ends_all_their_sessions(
    api: Api, change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await begin(api)
    assert await whoever(api, found["token"]) != "guest"
    answer = await api.root.patch(f"{USERS}records/{found['record']['id']}", json=change)
    assert answer.status_code == 200, answer.text
    refused(await refresh(api, found["refreshToken"]), 401, "unauthenticated")
    monkeypatch.setattr(time, "monotonic", _later(KEPT_SECONDS + 0.1))
    assert await whoever(api, found["token"]) == "guest"


async def test_a_new_secret_of_the_collection_ends_its_sessions(api: Api) -> None:
    found = await begin(api)
    answer = await api.root.patch("/api/collections/users", json={"authToken": {"secret": "s" * 50}})
    assert answer.status_code == 200, answer.text
    refused(await refresh(api, found["refreshToken"]), 401, "unauthenticated")


async def test_a_record_that_is_gone_has_no_session(api: Api) -> None:
    found = await begin(api)
    assert (await api.root.delete(f"{USERS}records/{found['record']['id']}")).status_code == 204
    refused(await refresh(api, found["refreshToken"]), 401, "unauthenticated")


async def test_the_rule_of_the_collection_is_asked_again(api: Api) -> None:
    found = await begin(api)
    answer = await api.root.patch("/api/collections/users", json={"authRule": "verified = true"})
    assert answer.status_code == 200, answer.text
    refused(await refresh(api, found["refreshToken"]), 403, "forbidden")


async def test_a_session_that_is_not_used_ends(api: Api) -> None:
    found = await begin(api)
    await run(api, "UPDATE holdfast.sessions SET expires = now() - interval '1 s'")
    refused(await refresh(api, found["refreshToken"]), 401, "unauthenticated")
    kept = await begin(api)
    stale = await begin(api)
    await run(
        api, "UPDATE holdfast.sessions SET expires = now() - interval '1 s' WHERE record_id = $1", stale["record"]["id"]
    )
    assert await sweep_sessions(api.pool) == 1
    assert await sweep_sessions(api.pool) == 0
    await next_of(api, kept["refreshToken"])


@in_one_loop
async def test_a_session_shows_where_it_is_used(shared_api: Api) -> None:
    found = await begin(shared_api, **{"User-Agent": "Telephone/1.0"})
    (one,) = await sessions(shared_api, found["token"])
    assert one.keys() == {"id", "record", "created", "lastUsed", "expires", "address", "userAgent", "current"}
    assert (one["record"], one["address"], one["userAgent"]) == (found["record"]["id"], "192.0.2.1", "Telephone/1.0")
    assert one["current"] is True
    assert one["created"] == one["lastUsed"] < one["expires"]
    other = shared_api.client(address="203.0.113.9")
    other.headers["User-Agent"] = "x" * 1000
    answer = (await other.post(REFRESH, json={"refreshToken": found["refreshToken"]})).json()
    (one,) = await sessions(shared_api, answer["token"])
    assert (one["address"], one["userAgent"]) == ("203.0.113.9", "x" * 255)
    assert one["created"] < one["lastUsed"]


@in_one_loop
async def test_only_the_one_that_is_asked_from_is_current(shared_api: Api) -> None:
    first = await begin(shared_api)
    second = await begin(shared_api, first["email"])
    assert [one["current"] for one in await sessions(shared_api, first["token"])] == [False, True]
    assert [one["current"] for one in await sessions(shared_api, second["token"])] == [True, False]
    plain = await shared_api.login(first["email"], PASSWORD, "users")
    assert [one["current"] for one in await sessions(shared_api, plain)] == [False, False]


@in_one_loop
async def test_one_session_is_ended_and_the_others_stay(shared_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await begin(shared_api)
    second = await begin(shared_api, first["email"])
    client = shared_api.client(first["token"])
    (other,) = [one["id"] for one in await sessions(shared_api, first["token"]) if not one["current"]]
    assert await whoever(shared_api, second["token"]) != "guest"
    assert (await client.delete(f"{SESSIONS}/{other}")).status_code == 204
    refused(await client.delete(f"{SESSIONS}/{other}"), 404, "not_found")
    refused(await refresh(shared_api, second["refreshToken"]), 401, "unauthenticated")
    monkeypatch.setattr(time, "monotonic", _later(KEPT_SECONDS + 0.1))
    assert await whoever(shared_api, second["token"]) == "guest"
    assert await whoever(shared_api, first["token"]) != "guest"


@in_one_loop
async def test_all_sessions_are_ended_at_once_and_nobody_elses(shared_api: Api) -> None:
    first = await begin(shared_api)
    second = await begin(shared_api, first["email"])
    stranger = await begin(shared_api)
    assert (await shared_api.client(first["token"]).delete(SESSIONS)).status_code == 204
    for ended in (first, second):
        refused(await refresh(shared_api, ended["refreshToken"]), 401, "unauthenticated")
    await next_of(shared_api, stranger["refreshToken"])


@in_one_loop
async def test_a_stranger_neither_sees_nor_ends_a_session(shared_api: Api) -> None:
    owner, stranger = await begin(shared_api), await begin(shared_api)
    client = shared_api.client(stranger["token"])
    (one,) = await sessions(shared_api, owner["token"])
    refused(await client.delete(f"{SESSIONS}/{one['id']}"), 404, "not_found")
    named = {"record": owner["record"]["id"]}
    refused(await client.get(SESSIONS, params=named), 403, "forbidden")
    refused(await client.delete(SESSIONS, params=named), 403, "forbidden")
    refused(await shared_api.guest.get(SESSIONS), 401, "unauthenticated")
    refused(await shared_api.guest.delete(SESSIONS, params=named), 401, "unauthenticated")
    refused(await client.get("/api/collections/_superusers/sessions"), 403, "forbidden")
    assert len(await sessions(shared_api, owner["token"])) == 1


@in_one_loop
async def test_a_superuser_sees_and_ends_anybodys(shared_api: Api) -> None:
    found = await begin(shared_api)
    refused(await shared_api.root.get(SESSIONS), 400, "bad_request")
    named = {"record": found["record"]["id"]}
    assert len((await shared_api.root.get(SESSIONS, params=named)).json()["items"]) == 1
    assert (await shared_api.root.delete(SESSIONS, params=named)).status_code == 204
    refused(await refresh(shared_api, found["refreshToken"]), 401, "unauthenticated")


async def test_superusers_have_sessions_too(api: Api) -> None:
    body = {"identity": EMAIL, "password": PASSWORD, "session": True}
    path = "/api/collections/_superusers/"
    found = (await api.guest.post(path + "auth-with-password", json=body)).json()
    client = api.client(found["token"])
    assert (await client.get("/api/collections")).status_code == 200
    assert [one["current"] for one in (await client.get(path + "sessions")).json()["items"]] == [True]
    answer = await api.guest.post(path + "auth-refresh", json={"refreshToken": found["refreshToken"]})
    assert answer.status_code == 200


async def test_too_many_sessions_end_the_ones_that_were_not_used_for_longest(api: Api) -> None:
    found = await begin(api)
    await run(
        api,
        "INSERT INTO holdfast.sessions (id, collection_id, record_id, key_digest, token_hash, used, expires, address,"
        " agent) SELECT 'filler' || n, collection_id, record_id, key_digest, token_hash, now() - n * interval '1 min',"
        " expires, '', '' FROM holdfast.sessions, generate_series(1, $1::int) AS n",
        MOST_SESSIONS,
    )
    latest = await begin(api, found["email"])
    kept = await sessions(api, latest["token"])
    assert len(kept) == MOST_SESSIONS
    assert f"filler{MOST_SESSIONS}" not in {one["id"] for one in kept}
    await next_of(api, found["refreshToken"])


async def test_s16_every_login_is_a_session_of_its_own(api: Api) -> None:
    first = await begin(api)
    client = api.client(first["token"])
    body = {"identity": first["email"], "password": PASSWORD, "session": True, "refreshToken": first["refreshToken"]}
    second = (await client.post(USERS + "auth-with-password", json=body)).json()
    claims = [peek(token) for token in (first["token"], second["token"])]
    assert len({one.sid for one in claims if one is not None}) == 2


async def test_nothing_that_opens_a_session_is_kept(api: Api) -> None:
    token = (await begin(api))["refreshToken"]
    following = await next_of(api, token)
    connection = await api.pool.acquire()
    row = str(await connection.fetchval("SELECT row_to_json(held)::text FROM holdfast.sessions AS held"))
    api.pool.release(connection)
    assert token not in row
    assert following not in row
