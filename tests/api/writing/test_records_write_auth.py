"""What may be written to auth collections, by whom, and who is logged out by it."""

from typing import Any

import pytest
import pytest_asyncio

from writing_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = "/collections/people/records"
PASSWORD = {"password": "correct horse", "passwordConfirm": "correct horse"}
NEW = {"password": "battery staple", "passwordConfirm": "battery staple"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(server: Server) -> Server:
    await server.define({"name": "people", "type": "auth", "createRule": "", "updateRule": "", "deleteRule": ""})
    return server


async def join(people: Server, **body: Any) -> dict[str, Any]:
    response = await people.guest.post(PEOPLE, json={"email": "a@example.com", **PASSWORD, **body})
    assert response.status_code == 200, response.text
    return response.json()


async def stored(people: Server) -> dict[str, Any]:
    return (await people.rows('SELECT email, password, "tokenKey", verified FROM people'))[0]


async def test_a_newcomer_has_a_hash_a_token_key_and_a_hidden_email(people: Server):
    record = await join(people)
    assert set(record) == {"collectionId", "collectionName", "id", "emailVisibility", "verified"}
    row = await stored(people)
    assert row["password"].startswith("$argon2id$")
    assert len(row["tokenKey"]) >= 30
    assert row["email"] == "a@example.com"


async def test_an_email_that_is_meant_to_be_seen_is_answered(people: Server):
    assert (await join(people, emailVisibility=True))["email"] == "a@example.com"


async def test_an_email_is_taken_once(people: Server):
    await join(people)
    response = await people.guest.post(PEOPLE, json={"email": "a@example.com", **PASSWORD})
    assert response.json()["data"]["email"]["code"] == "validation_not_unique"
    again = await people.guest.post(PEOPLE, json=PASSWORD)
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verified": True}, "verified"),
        ({"email": "b@example.com"}, "email"),
        ({"email": ""}, "email"),
        ({"tokenKey": "k" * 40}, "tokenKey"),
        (NEW, "oldPassword"),
        ({**NEW, "oldPassword": "wrong"}, "oldPassword"),
        ({**NEW, "oldPassword": ""}, "oldPassword"),
        ({"password": "battery staple"}, "passwordConfirm"),
        ({**NEW, "passwordConfirm": "other", "oldPassword": "correct horse"}, "passwordConfirm"),
        ({"password": "short", "passwordConfirm": "short", "oldPassword": "correct horse"}, "password"),
    ],
)
async def test_what_nobody_but_a_superuser_may_change(people: Server, body: dict[str, Any], field: str):
    record = await join(people)
    before = await stored(people)
    for client in (people.guest, await people.user("people", record["id"])):
        response = await client.patch(f"{PEOPLE}/{record['id']}", json=body)
        assert response.status_code == 400, response.text
        assert field in response.json()["data"]
    assert await stored(people) == before


async def test_a_new_password_needs_the_old_one_and_ends_all_tokens(people: Server):
    record = await join(people)
    before = await stored(people)
    client = await people.user("people", record["id"])
    path = f"{PEOPLE}/{record['id']}"
    response = await client.patch(path, json={**NEW, "oldPassword": "correct horse"})
    assert response.status_code == 200, response.text
    after = await stored(people)
    assert after["password"] != before["password"]
    assert after["tokenKey"] != before["tokenKey"]


async def test_what_stays_the_same_may_be_sent_along(people: Server):
    record = await join(people)
    before = await stored(people)
    body = {"email": "a@example.com", "verified": False, "emailVisibility": True, "password": ""}
    response = await people.guest.patch(f"{PEOPLE}/{record['id']}", json=body)
    assert response.status_code == 200, response.text
    assert await stored(people) == before


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        pytest.param({"email": "b@example.com"}, True, id="another email"),
        pytest.param({"email": "a@example.com"}, False, id="the same email"),
        pytest.param(NEW, True, id="a password"),
        pytest.param({"verified": True}, False, id="verified"),
        pytest.param({"tokenKey": "k" * 40}, True, id="a token key"),
        pytest.param({"emailVisibility": True}, False, id="something else"),
    ],
)
async def test_a_superuser_may_change_it_all(people: Server, body: dict[str, Any], ends: bool):
    record = await join(people)
    before = await stored(people)
    response = await people.root.patch(f"{PEOPLE}/{record['id']}", json=body)
    assert response.status_code == 200, response.text
    after = await stored(people)
    assert (after["tokenKey"] != before["tokenKey"]) is ends
    assert (after["password"] != before["password"]) is ("password" in body)


async def test_a_superuser_makes_a_verified_record(people: Server):
    response = await people.root.post(PEOPLE, json={**PASSWORD, "email": "c@example.com", "verified": True})
    assert (response.json()["verified"], response.json()["email"]) == (True, "c@example.com")
    assert "tokenKey" not in response.json()


async def test_the_last_superuser_stays(server: Server):
    path = "/collections/_superusers/records"
    other = (await server.root.post(path, json={**PASSWORD, "email": "b@example.com"})).json()["id"]
    first = (await server.rows("SELECT id FROM public._superusers WHERE id <> $1", other))[0]["id"]
    assert (await server.root.delete(f"{path}/{other}")).status_code == 204
    refused = await server.root.delete(f"{path}/{first}")
    assert refused.status_code == 400
    assert "last superuser" in refused.json()["message"]
    assert (await server.root.delete(f"{path}/{other}")).status_code == 404
    assert (await server.guest.post(path, json=PASSWORD)).status_code == 403
