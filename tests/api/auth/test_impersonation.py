"""Superusers who see what others see, and tokens that are exchanged for new ones."""

import base64
import json
import time
from typing import Any

import pytest

from client import PASSWORD, in_one_loop, refused
from office import Office


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@in_one_loop
@pytest.mark.parametrize(("body", "seconds"), [({}, 604_800), ({"duration": 0}, 604_800), ({"duration": 60}, 60)])
async def test_a_superuser_gets_a_token_of_somebody_else(office: Office, body: dict[str, int], seconds: int) -> None:
    person = await office.person()
    answer = await office.api.root.post(f"/api/collections/users/impersonate/{person.id}", json=body)
    assert answer.status_code == 200
    assert answer.json()["record"]["email"] == person.email
    said = claims(answer.json()["token"])
    assert (said["id"], said["refreshable"], said["type"]) == (person.id, False, "auth")
    assert abs(said["exp"] - time.time() - seconds) < 5
    client = office.api.client(answer.json()["token"])
    seen = (await client.get("/api/collections/users/records")).json()["items"]
    assert [record["id"] for record in seen] == [person.id]
    refused(await client.post("/api/collections/users/auth-refresh"), 403, "forbidden")


@in_one_loop
async def test_a_form_says_for_how_long_too(office: Office) -> None:
    person = await office.person()
    path = f"/api/collections/users/impersonate/{person.id}"
    for form in ({"data": {"duration": "60"}}, {"files": {"duration": (None, "60")}}):
        said = claims((await office.api.root.post(path, **form)).json()["token"])  # type: ignore[arg-type]
        assert abs(said["exp"] - time.time() - 60) < 5
    answer = await office.api.root.post(path, data={"duration": "an hour"})
    assert refused(answer, 400, "validation_failed")["data"]["duration"]["code"] == "validation_invalid_duration"


@in_one_loop
async def test_an_impersonation_makes_nothing_that_outlasts_it(office: Office) -> None:
    """A passkey or an authenticator would log in when the token has ended; a new password needs the old one."""
    person = await office.person()
    answer = await office.api.root.post(f"/api/collections/users/impersonate/{person.id}", json={"duration": 60})
    token = answer.json()["token"]
    for path in (
        "totp/enroll",
        "totp/confirm",
        "totp/recovery-codes",
        "passkeys/register-options",
        "passkeys/register",
    ):
        refused(await office.post(f"users/{path}", {"code": "123456"}, token=token), 403, "forbidden")
    change = {"password": "another password", "passwordConfirm": "another password"}
    mine = f"/api/collections/users/records/{person.id}"
    answer = await office.api.client(token).patch(mine, json=change)
    assert refused(answer, 400, "validation_failed")["data"].keys() == {"oldPassword"}
    # Who has logged in may, in a session too.
    body = {"identity": person.email, "password": PASSWORD, "session": True}
    session = (await office.post("users/auth-with-password", body)).json()["token"]
    for own in (await office.log_in(person), session):
        assert (await office.post("users/totp/enroll", token=own)).status_code == 200
        assert (await office.post("users/passkeys/register-options", token=own)).status_code == 200


@in_one_loop
@pytest.mark.parametrize("duration", [-1, 1.5, "60", True, 10**12, [1]])
async def test_a_time_that_is_none_is_refused(office: Office, duration: object) -> None:
    person = await office.person()
    path = f"/api/collections/users/impersonate/{person.id}"
    data = refused(await office.api.root.post(path, json={"duration": duration}), 400, "validation_failed")["data"]
    assert data["duration"]["code"] == "validation_invalid_duration"


@in_one_loop
async def test_nobody_but_a_superuser_impersonates_and_nobody_that_is_not_there(office: Office) -> None:
    person = await office.person()
    path = f"users/impersonate/{person.id}"
    refused(await office.post(path), 401, "unauthenticated")
    refused(await office.post(path, token=await office.log_in(person)), 403, "forbidden")
    refused(await office.api.root.post("/api/collections/users/impersonate/nobody"), 404, "not_found")


@in_one_loop
async def test_fields_pick_from_the_answer_of_an_impersonation(office: Office) -> None:
    person = await office.person()
    path = f"/api/collections/users/impersonate/{person.id}"
    assert list((await office.api.root.post(f"{path}?fields=token")).json()) == ["token"]
    assert (await office.api.root.post(f"{path}?fields=record.id")).json() == {"record": {"id": person.id}}


@in_one_loop
async def test_who_is_not_let_in_any_more_cannot_refresh(office: Office) -> None:
    collection = await office.collection(fields=[{"name": "banned", "type": "bool"}], authRule="banned = false")
    person = await office.person(collection)
    token = await office.log_in(person, collection)
    assert await office.is_logged_in(token, collection)
    await office.api.root.patch(f"/api/collections/{collection}/records/{person.id}", json={"banned": True})
    refused(await office.post(f"{collection}/auth-refresh", token=token), 403, "forbidden")
    body = {"identity": person.email, "password": PASSWORD}
    refused(await office.post(f"{collection}/auth-with-password", body), 403, "forbidden")
    refused(await office.post(f"{collection}/auth-with-password", {**body, "password": "wrong"}), 400, "bad_request")


@in_one_loop
@pytest.mark.parametrize(
    ("rule", "status"),
    [
        pytest.param("", 200, id="anybody"),
        pytest.param(None, 403, id="nobody"),
        pytest.param("email ~ '@example.com'", 200, id="who fits"),
        pytest.param("verified = true", 403, id="who does not fit"),
        pytest.param("@request.context = 'password'", 200, id="by the way of the login"),
        pytest.param("@request.context = 'otp'", 403, id="by another way"),
        pytest.param("@request.headers.x_app = 'ours'", 403, id="by a header that is not there"),
        pytest.param("@request.body.identity = email", 200, id="by what is sent"),
        pytest.param("@collection._superusers.id ?= id", 403, id="by another collection"),
    ],
)
async def test_a_rule_says_who_may_log_in(office: Office, rule: str | None, status: int) -> None:
    collection = await office.collection(authRule=rule)
    person = await office.person(collection)
    body = {"identity": person.email, "password": PASSWORD}
    answer = await office.post(f"{collection}/auth-with-password", body)
    assert answer.status_code == status, answer.text


@in_one_loop
async def test_no_rule_holds_back_who_logs_in_for_a_superuser(office: Office) -> None:
    collection = await office.collection(authRule=None)
    person = await office.person(collection)
    body = {"identity": person.email, "password": PASSWORD}
    token = office.api.root.headers["Authorization"]
    assert (await office.post(f"{collection}/auth-with-password", body, token=token)).status_code == 200
