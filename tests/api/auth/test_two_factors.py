"""Two ways to log in where a collection asks for two, and who has to."""

from typing import Any

import pytest

from client import PASSWORD, in_one_loop, refused
from office import Office, Person

BOTH = {"mfa": {"enabled": True}, "otp": {"enabled": True, "length": 6}}


async def by_password(office: Office, collection: str, person: Person, **more: Any) -> Any:
    return await office.post(
        f"{collection}/auth-with-password", {"identity": person.email, "password": PASSWORD, **more}
    )


async def by_otp(office: Office, collection: str, person: Person, **more: Any) -> Any:
    before = len(office.mailbox.to(person.email))
    asked = await office.post(f"{collection}/request-otp", {"email": person.email})
    password = (await office.mail(person, count=before + 1)).find(r"\b(\d{6})\b")
    return await office.post(
        f"{collection}/auth-with-otp", {"otpId": asked.json()["otpId"], "password": password, **more}
    )


WAYS = {"password": by_password, "otp": by_otp}


@in_one_loop
@pytest.mark.parametrize(("first", "second"), [("password", "otp"), ("otp", "password")])
async def test_two_different_ways_log_in(office: Office, first: str, second: str) -> None:
    collection = await office.collection(**BOTH)
    person = await office.person(collection)
    answer = await WAYS[first](office, collection, person)
    assert answer.status_code == 401
    assert list(answer.json()) == ["mfaId"]
    assert answer.headers["cache-control"] == "no-store"
    mfa_id = answer.json()["mfaId"]
    done = await WAYS[second](office, collection, person, mfaId=mfa_id)
    assert done.status_code == 200
    assert done.json()["record"]["id"] == person.id
    refused(await WAYS[second](office, collection, person, mfaId=mfa_id), 400, "bad_request")


@in_one_loop
async def test_the_first_factor_can_be_named_in_the_query(office: Office) -> None:
    collection = await office.collection(**BOTH)
    person = await office.person(collection)
    mfa_id = (await by_otp(office, collection, person)).json()["mfaId"]
    body = {"identity": person.email, "password": PASSWORD}
    assert (await office.post(f"{collection}/auth-with-password?mfaId={mfa_id}", body)).status_code == 200


@in_one_loop
async def test_the_same_way_twice_is_one_factor(office: Office) -> None:
    collection = await office.collection(**BOTH)
    person = await office.person(collection)
    mfa_id = (await by_password(office, collection, person)).json()["mfaId"]
    refusal = refused(await by_password(office, collection, person, mfaId=mfa_id), 400, "bad_request")
    assert "another way" in refusal["message"]
    assert (await by_otp(office, collection, person, mfaId=mfa_id)).status_code == 200


@in_one_loop
async def test_a_first_factor_of_somebody_else_an_old_one_and_none_do_not_count(office: Office) -> None:
    collection = await office.collection(**BOTH)
    person, other = await office.person(collection), await office.person(collection)
    theirs = (await by_password(office, collection, other)).json()["mfaId"]
    mine = (await by_password(office, collection, person)).json()["mfaId"]
    await office.value("UPDATE \"_mfas\" SET created = now() - interval '1801 s' WHERE id = $1", mine)
    for mfa_id in (theirs, mine, "nothing", "' OR 1=1 --"):
        refused(await by_otp(office, collection, person, mfaId=mfa_id), 400, "bad_request")


@in_one_loop
async def test_a_new_password_ends_a_login_that_is_half_done(office: Office) -> None:
    collection = await office.collection(**BOTH)
    person = await office.person(collection)
    mfa_id = (await by_password(office, collection, person)).json()["mfaId"]
    changes = {"password": "another password", "passwordConfirm": "another password"}
    await office.api.root.patch(f"/api/collections/{collection}/records/{person.id}", json=changes)
    refused(await by_otp(office, collection, person, mfaId=mfa_id), 400, "bad_request")


@in_one_loop
async def test_a_rule_says_who_needs_two_factors(office: Office) -> None:
    fields = [{"name": "careful", "type": "bool"}]
    mfa = {"enabled": True, "rule": "careful = true"}
    collection = await office.collection(fields=fields, mfa=mfa, otp={"enabled": True})
    careful = await office.person(collection, careful=True)
    careless = await office.person(collection, careful=False)
    assert (await by_password(office, collection, careful)).status_code == 401
    assert (await by_password(office, collection, careless)).status_code == 200


@in_one_loop
async def test_a_wrong_password_tells_nothing_of_factors(office: Office) -> None:
    collection = await office.collection(**BOTH)
    person = await office.person(collection)
    body = {"identity": person.email, "password": "wrong"}
    refused(await office.post(f"{collection}/auth-with-password", body), 400, "bad_request")


@in_one_loop
async def test_a_refresh_and_an_impersonation_need_one_factor_alone(office: Office) -> None:
    collection = await office.collection(**BOTH)
    person = await office.person(collection)
    mfa_id = (await by_password(office, collection, person)).json()["mfaId"]
    token = (await by_otp(office, collection, person, mfaId=mfa_id)).json()["token"]
    assert await office.is_logged_in(token, collection)
    answer = await office.api.root.post(f"/api/collections/{collection}/impersonate/{person.id}")
    assert answer.status_code == 200


@in_one_loop
async def test_the_owner_sees_their_own_first_factors_alone(office: Office) -> None:
    collection = await office.collection(**BOTH)
    person, other = await office.person(collection), await office.person(collection)
    await by_password(office, collection, other)
    mfa_id = (await by_password(office, collection, person)).json()["mfaId"]
    impersonation = await office.api.root.post(f"/api/collections/{collection}/impersonate/{person.id}")
    client = office.api.client(impersonation.json()["token"])
    seen = (await client.get("/api/collections/_mfas/records")).json()["items"]
    assert [item["id"] for item in seen] == [mfa_id]
