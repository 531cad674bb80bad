"""Authenticator apps: enrolled, asked for at every login, and what stands in when the telephone is gone."""

import asyncio
import time
from typing import Any

import httpx
import pyotp
import pytest

from client import EMAIL, PASSWORD, Api, in_one_loop, refused
from holdfast.auth.authenticator import BLOCKED_SECONDS, MOST_FAILURES
from holdfast.auth.totp import RECOVERY_CODES

USERS = "/api/collections/users/"
LOGIN = USERS + "auth-with-totp"
names = iter(range(10_000))


class Person:
    """A user with an authenticator, or on the way to one."""

    def __init__(self, api: Api, email: str, id: str, token: str) -> None:
        self.api = api
        self.email = email
        self.id = id
        self.client = api.client(token)
        self.secret = ""
        self.recovery: list[str] = []

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(int(time.time()) + steps * 30)

    async def enroll(self) -> dict[str, str]:
        answer = await self.client.post(USERS + "totp/enroll")
        assert answer.status_code == 200, answer.text
        self.secret = answer.json()["secret"]
        return answer.json()

    async def confirm(self) -> None:
        answer = await self.client.post(USERS + "totp/confirm", json={"code": self.code()})
        assert answer.status_code == 200, answer.text
        self.recovery = answer.json()["recoveryCodes"]
        await forget_steps(self)

    async def first_factor(self, **more: Any) -> httpx.Response:
        body = {"identity": self.email, "password": PASSWORD, **more}
        return await self.api.guest.post(USERS + "auth-with-password", json=body)

    async def mfa_id(self) -> str:
        answer = await self.first_factor()
        assert answer.status_code == 401, answer.text
        return answer.json()["mfaId"]

    async def second_factor(self, code: str, mfa_id: str = "", **more: Any) -> httpx.Response:
        mfa_id = mfa_id or await self.mfa_id()
        return await self.api.guest.post(LOGIN, json={"mfaId": mfa_id, "code": code, **more})


async def forget_steps(person: Person) -> None:
    """Let the code of this step count once more, as if half a minute had passed."""
    await run(person.api, "UPDATE holdfast.totps SET last_step = 0 WHERE record_id = $1", person.id)


async def run(api: Api, sql: str, *values: object) -> Any:
    connection = await api.pool.acquire()
    try:
        return await connection.fetchval(sql, *values)
    finally:
        api.pool.release(connection)


async def person(api: Api) -> Person:
    email = f"person{next(names)}@example.com"
    made = await api.create("users", email=email, password=PASSWORD, passwordConfirm=PASSWORD)
    return Person(api, email, made["id"], await api.login(email, PASSWORD, "users"))


async def with_authenticator(api: Api) -> Person:
    found = await person(api)
    await found.enroll()
    await found.confirm()
    return found


def wrong(found: Person) -> str:
    """A code that is none of the three that count now."""
    taken = {found.code(steps) for steps in (-2, -1, 0, 1, 2)}
    return next(f"{number:06}" for number in range(10) if f"{number:06}" not in taken)


@in_one_loop
async def test_an_authenticator_is_enrolled_confirmed_and_then_asked_for(shared_api: Api) -> None:
    found = await person(shared_api)
    enrolled = await found.enroll()
    assert enrolled["url"].startswith("otpauth://totp/")
    assert f"secret={enrolled['secret']}" in enrolled["url"]
    # Not confirmed, not asked for.
    assert (await found.first_factor()).status_code == 200
    await found.confirm()
    assert len(set(found.recovery)) == RECOVERY_CODES
    first = await found.first_factor()
    assert first.status_code == 401
    assert first.json().keys() == {"mfaId"}
    answer = await found.second_factor(found.code(), first.json()["mfaId"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["id"] == found.id
    assert (await shared_api.client(answer.json()["token"]).get(USERS + "totp")).status_code == 200


@in_one_loop
async def test_a_second_factor_can_begin_a_session(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    answer = await found.second_factor(found.code(), session=True)
    assert answer.json().keys() == {"token", "refreshToken", "record"}
    assert (await found.first_factor(session=True)).json().keys() == {"mfaId"}


@in_one_loop
async def test_a_code_counts_once(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    code = found.code()
    assert (await found.second_factor(code)).status_code == 200
    refused(await found.second_factor(code), 400, "validation_failed")


@in_one_loop
async def test_the_code_that_confirmed_counts_no_more(shared_api: Api) -> None:
    found = await person(shared_api)
    await found.enroll()
    code = found.code()
    assert (await found.client.post(USERS + "totp/confirm", json={"code": code})).status_code == 200
    refused(await found.second_factor(code), 400, "validation_failed")


@in_one_loop
async def test_of_many_logins_with_one_code_one_succeeds(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    ids = [await found.mfa_id() for _ in range(4)]
    code = found.code()
    answers = await asyncio.gather(*(found.second_factor(code, mfa_id) for mfa_id in ids))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


@in_one_loop
async def test_a_first_factor_counts_once(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    mfa_id = await found.mfa_id()
    assert (await found.second_factor(found.code(), mfa_id)).status_code == 200
    await forget_steps(found)
    refused(await found.second_factor(found.code(), mfa_id), 400, "bad_request")


@in_one_loop
async def test_the_first_factor_of_somebody_else_is_none(shared_api: Api) -> None:
    found, other = await with_authenticator(shared_api), await with_authenticator(shared_api)
    refused(await found.second_factor(found.code(), await other.mfa_id()), 400, "validation_failed")
    for mfa_id in ("nothing", "' OR true --", "a\0b"):
        refused(await found.second_factor(found.code(), mfa_id), 400, "bad_request")


@in_one_loop
async def test_a_code_without_a_first_factor_opens_nothing(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    refused(await shared_api.guest.post(LOGIN, json={"code": found.code()}), 400, "bad_request")


@in_one_loop
async def test_a_recovery_code_stands_in_once_however_it_is_typed(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    code = found.recovery[0]
    assert (await found.second_factor(code.upper().replace("-", " "))).status_code == 200
    refused(await found.second_factor(code), 400, "validation_failed")
    assert (await found.second_factor(found.recovery[1])).status_code == 200
    state = (await found.client.get(USERS + "totp")).json()
    assert (state["enabled"], state["recoveryCodes"]) == (True, RECOVERY_CODES - 2)


@in_one_loop
async def test_new_recovery_codes_end_the_old_ones(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    path = USERS + "totp/recovery-codes"
    refused(await found.client.post(path, json={"code": wrong(found)}), 400, "validation_failed")
    answer = await found.client.post(path, json={"code": found.code()})
    fresh = answer.json()["recoveryCodes"]
    assert not set(fresh) & set(found.recovery)
    refused(await found.second_factor(found.recovery[0]), 400, "validation_failed")
    assert (await found.second_factor(fresh[0])).status_code == 200


async def test_guessing_codes_ends_soon_whatever_the_first_factor(api: Api) -> None:
    found = await with_authenticator(api)
    for _ in range(MOST_FAILURES):
        refused(await found.second_factor(wrong(found)), 400, "validation_failed")
    answer = await found.second_factor(found.code())
    refused(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == str(BLOCKED_SECONDS)
    refused(await found.second_factor(found.recovery[0]), 429, "rate_limited")
    await run(api, "UPDATE holdfast.totps SET blocked = now() - interval '1 s'")
    assert (await found.second_factor(found.code())).status_code == 200


async def test_many_guesses_at_once_are_no_way_round(api: Api) -> None:
    found = await with_authenticator(api)
    mfa_id, code = await found.mfa_id(), wrong(found)
    answers = await asyncio.gather(*(found.second_factor(code, mfa_id) for _ in range(3 * MOST_FAILURES)))
    assert sum(answer.status_code == 400 for answer in answers) == MOST_FAILURES
    assert sum(answer.status_code == 429 for answer in answers) == 2 * MOST_FAILURES


@in_one_loop
async def test_it_is_turned_off_with_a_code_and_then_not_asked_for(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    path = USERS + "totp/disable"
    refused(await found.client.post(path, json={}), 400, "validation_failed")
    refused(await found.client.post(path, json={"code": wrong(found)}), 400, "validation_failed")
    assert (await found.client.post(path, json={"code": found.code()})).status_code == 204
    assert (await found.first_factor()).status_code == 200
    assert (await found.client.get(USERS + "totp")).json()["enabled"] is False
    refused(await found.client.post(path, json={"code": "123456"}), 400, "bad_request")
    await found.enroll()
    await found.confirm()


@in_one_loop
async def test_a_superuser_turns_it_off_for_who_lost_everything_and_does_no_more(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    named = {"record": found.id}
    refused(await shared_api.root.post(USERS + "totp/enroll", params=named), 403, "forbidden")
    refused(
        await shared_api.root.post(USERS + "totp/recovery-codes", params=named, json={"code": "1"}), 403, "forbidden"
    )
    assert (await shared_api.root.get(USERS + "totp", params=named)).json()["enabled"] is True
    assert (await shared_api.root.post(USERS + "totp/disable", params=named)).status_code == 204
    assert (await found.first_factor()).status_code == 200


@in_one_loop
async def test_nobody_else_reaches_it(shared_api: Api) -> None:
    found, stranger = await with_authenticator(shared_api), await person(shared_api)
    named = {"record": found.id}
    for path in ("totp/enroll", "totp/confirm", "totp/disable", "totp/recovery-codes"):
        body = {"code": found.code()}
        refused(await shared_api.guest.post(USERS + path, json=body), 401, "unauthenticated")
        refused(await stranger.client.post(USERS + path, json=body, params=named), 403, "forbidden")
    refused(await stranger.client.get(USERS + "totp", params=named), 403, "forbidden")


@in_one_loop
async def test_an_authenticator_is_not_replaced_while_it_is_on(shared_api: Api) -> None:
    found = await with_authenticator(shared_api)
    refused(await found.client.post(USERS + "totp/enroll"), 400, "bad_request")
    refused(await found.client.post(USERS + "totp/confirm", json={"code": found.code()}), 400, "bad_request")


@in_one_loop
@pytest.mark.parametrize("code", ["", None, 123456, ["123456"], "x" * 65], ids=repr)
async def test_what_is_no_code_is_named(shared_api: Api, code: object) -> None:
    found = await person(shared_api)
    await found.enroll()
    answer = await found.client.post(USERS + "totp/confirm", json={"code": code})
    assert refused(answer, 400, "validation_failed")["data"].keys() == {"code"}


async def test_a_superuser_can_have_one_too(api: Api) -> None:
    path = "/api/collections/_superusers/"
    secret = (await api.root.post(path + "totp/enroll")).json()["secret"]
    code = pyotp.TOTP(secret).now()
    assert (await api.root.post(path + "totp/confirm", json={"code": code})).status_code == 200
    login = await api.guest.post(path + "auth-with-password", json={"identity": EMAIL, "password": PASSWORD})
    assert login.status_code == 401
    await run(api, "UPDATE holdfast.totps SET last_step = 0")
    body = {"mfaId": login.json()["mfaId"], "code": pyotp.TOTP(secret).now()}
    answer = await api.guest.post(path + "auth-with-totp", json=body)
    assert (await api.client(answer.json()["token"]).get("/api/collections")).status_code == 200


async def test_neither_the_secret_nor_a_recovery_code_is_kept_as_it_is(api: Api) -> None:
    found = await with_authenticator(api)
    rows = str(await run(api, "SELECT jsonb_agg(held)::text FROM holdfast.totps AS held"))
    rows += str(await run(api, "SELECT jsonb_agg(held)::text FROM holdfast.recovery_codes AS held"))
    plain = pyotp.TOTP(found.secret).byte_secret()
    for secret in (found.secret, plain.hex(), *found.recovery, found.recovery[0].replace("-", "")):
        assert secret not in rows
