"""What superusers see of accounts, and how they keep somebody out."""

from typing import Any

import pytest

from client import PASSWORD, in_one_loop, refused
from office import Office, Person


def path(person: Person, what: str) -> str:
    return f"/api/collections/users/accounts/{person.id}/{what}"


async def state(office: Office, *people: Person) -> list[dict[str, Any]]:
    ids = ",".join(person.id for person in people)
    answer = await office.api.root.get(f"/api/collections/users/accounts?records={ids}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def begin(office: Office, person: Person) -> dict[str, Any]:
    body = {"identity": person.email, "password": PASSWORD, "session": True}
    return (await office.post("users/auth-with-password", body)).json()


@in_one_loop
async def test_it_is_told_how_accounts_log_in(office: Office) -> None:
    person, other = await office.person(), await office.person()
    await begin(office, person)
    link = {"collectionRef": "_pb_users_auth_", "recordRef": person.id, "provider": "github", "providerId": "583231"}
    await office.api.create("_externalAuths", **link)
    found = {one["id"]: one for one in await state(office, person, other, Person("nobody00000000a", ""))}
    assert found.keys() == {person.id, other.id}
    assert found[person.id].pop("lastUsed") != ""
    bare = {"sessions": 0, "authenticator": False, "passkeys": 0, "providers": [], "block": None}
    assert found[other.id] == {"id": other.id, "lastUsed": "", **bare}
    assert found[person.id] == {"id": person.id, **bare, "sessions": 1, "providers": ["github"]}


@in_one_loop
async def test_who_is_blocked_is_out_at_once_and_gets_in_by_no_way_until_they_are_not(office: Office) -> None:
    person = await office.person()
    token, session = await office.log_in(person), await begin(office, person)
    assert (await office.api.root.post(path(person, "block"), json={"reason": "Spam"})).status_code == 204
    for ended in (token, session["token"]):
        assert not await office.is_logged_in(ended)
    refused(await office.post("users/auth-refresh", {"refreshToken": session["refreshToken"]}), 401, "unauthenticated")
    body = {"identity": person.email, "password": PASSWORD}
    assert refused(await office.post("users/auth-with-password", body), 403, "forbidden")["message"].endswith(
        "blocked."
    )
    refused(await office.post("users/auth-with-password", {**body, "password": "wrong"}), 400, "bad_request")
    [found] = await state(office, person)
    assert (found["block"]["reason"], found["sessions"]) == ("Spam", 0)
    # A superuser still sees what they see.
    assert (await office.api.root.post(f"/api/collections/users/impersonate/{person.id}")).status_code == 200
    assert (await office.api.root.delete(path(person, "block"))).status_code == 204
    await office.log_in(person)
    refused(await office.api.root.delete(path(person, "block")), 404, "not_found")
    query = {"target": person.id, "action": "auth.blocked,auth.unblocked,auth.login_failed"}
    told = (await office.api.root.get("/api/audit", params=query)).json()["items"]
    assert [(one["action"], one["reason"], one["details"]) for one in reversed(told)][0:2] == [
        ("auth.blocked", "", {"note": "Spam"}),
        ("auth.login_failed", "blocked", {"method": "password"}),
    ]
    assert told[0]["action"] == "auth.unblocked"


@in_one_loop
async def test_a_block_goes_with_its_account(office: Office) -> None:
    person = await office.person()
    await office.api.root.post(path(person, "block"))
    assert await office.value("SELECT count(*) FROM holdfast.blocks WHERE record_id = $1", person.id) == 1
    await office.api.root.delete(f"/api/collections/users/records/{person.id}")
    assert await office.value("SELECT count(*) FROM holdfast.blocks WHERE record_id = $1", person.id) == 0


@in_one_loop
async def test_signing_out_ends_every_login_and_keeps_nobody_out(office: Office) -> None:
    person = await office.person()
    token, session = await office.log_in(person), await begin(office, person)
    assert (await office.api.root.post(path(person, "sign-out"))).status_code == 204
    for ended in (token, session["token"]):
        assert not await office.is_logged_in(ended)
    assert (await state(office, person))[0]["sessions"] == 0
    await office.log_in(person)


@in_one_loop
async def test_nobody_blocks_themselves(office: Office) -> None:
    me = (await office.api.root.post("/api/collections/_superusers/auth-refresh")).json()["record"]["id"]
    refused(await office.api.root.post(f"/api/collections/_superusers/accounts/{me}/block"), 400, "bad_request")


@in_one_loop
@pytest.mark.parametrize(
    ("method", "at", "body", "status"),
    [
        pytest.param("GET", "users/accounts", None, 400, id="nobody is named"),
        pytest.param("GET", f"users/accounts?records={','.join(['a'] * 201)}", None, 400, id="too many are"),
        pytest.param("GET", "_mfas/accounts?records=a", None, 404, id="of no auth collection"),
        pytest.param("POST", "users/accounts/nobody/block", {}, 404, id="somebody who is not there"),
        pytest.param("POST", "users/accounts/nobody/sign-out", {}, 404, id="somebody who is not there, signed out"),
        pytest.param("POST", "users/accounts/nobody/block", {"reason": 1}, 400, id="a reason that is no text"),
        pytest.param("POST", "users/accounts/nobody/block", {"reason": "x" * 501}, 400, id="a novel"),
    ],
)
async def test_what_is_wrong_is_said(office: Office, method: str, at: str, body: object, status: int) -> None:
    answer = await office.api.root.request(method, f"/api/collections/{at}", json=body)
    assert answer.status_code == status, answer.text
    person = await office.person()
    for token, refusal in (("", 401), (await office.log_in(person), 403)):
        answer = await office.api.client(token).request(method, f"/api/collections/{at}", json=body)
        assert answer.status_code == refusal


@in_one_loop
async def test_a_mail_is_shown_as_it_would_go_out(office: Office) -> None:
    url = "/api/collections/users/mails/preview"
    body = {"template": "otp", "subject": "For {RECORD:email}", "body": "<p>{OTP} of <b>{APP_NAME}</b></p>"}
    assert (await office.api.root.post(url, json=body)).json() == {
        "subject": "For somebody@example.com",
        "html": "<p>123456 of <b>Tests</b></p>",
        "text": "123456 of Tests\n",
    }
    saved = (await office.api.root.post(url, json={"template": "verification"})).json()
    assert saved["subject"] == "Confirm your email address for Tests"
    wrong = await office.api.root.post(url, json={"template": "letter", "subject": 1})
    assert refused(wrong, 400, "validation_failed")["data"].keys() == {"template", "subject"}


@in_one_loop
async def test_a_superuser_is_told_what_an_account_may_do(office: Office) -> None:
    person = await office.person()
    url = f"/api/collections/users/accounts/{person.id}/permissions"
    theirs = await office.api.client(await office.log_in(person)).get("/api/me/permissions")
    assert (await office.api.root.get(url)).json() == theirs.json() != {}
    refused(await office.api.root.get(url.replace(person.id, "nobody")), 404, "not_found")
    refused(await office.api.client(await office.log_in(person)).get(url), 403, "forbidden")
