"""One-time passwords: mailed, used once, guessed in vain."""

import asyncio
from typing import Any

import pytest

from client import in_one_loop, refused
from holdfast.auth.otp import TRIES, TRIES_OF_ACCOUNT
from office import Office, Person

OTP = {"otp": {"enabled": True, "length": 6}}


async def ask(office: Office, collection: str, person: Person) -> tuple[str, str]:
    """The id and the password that somebody gets when they ask."""
    before = len(office.mailbox.to(person.email))
    answer = await office.post(f"{collection}/request-otp", {"email": person.email})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["otpId"]
    letter = await office.mail(person, count=before + 1)
    assert letter.subject == "Your one-time password for Tests"
    return answer.json()["otpId"], letter.find(r"\b(\d{6})\b")


async def use(office: Office, collection: str, id: str, password: str, **more: Any) -> Any:
    return await office.post(f"{collection}/auth-with-otp", {"otpId": id, "password": password, **more})


@in_one_loop
async def test_a_one_time_password_logs_in_once_and_verifies_the_address(office: Office) -> None:
    collection = await office.collection(**OTP)
    person = await office.person(collection)
    id, password = await ask(office, collection, person)
    stored = await office.value('SELECT password FROM "_otps" WHERE id = $1', id)
    assert stored.startswith("$argon2id$")
    answer = await use(office, collection, id, password)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["record"]["email"] == person.email
    assert answer.json()["record"]["verified"] is True
    assert await office.is_logged_in(answer.json()["token"], collection)
    assert await office.value('SELECT count(*) FROM "_otps" WHERE id = $1', id) == 0
    refused(await use(office, collection, id, password), 400, "bad_request")


@in_one_loop
async def test_of_two_that_use_one_password_at_once_one_gets_in(office: Office) -> None:
    collection = await office.collection(**OTP)
    id, password = await ask(office, collection, await office.person(collection))
    answers = await asyncio.gather(*(use(office, collection, id, password) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


@in_one_loop
async def test_the_password_has_the_length_that_the_collection_says(office: Office) -> None:
    collection = await office.collection(otp={"enabled": True, "length": 12})
    person = await office.person(collection)
    await office.post(f"{collection}/request-otp", {"email": person.email})
    assert (await office.mail(person)).find(r"\b(\d{12})\b")


@in_one_loop
async def test_an_address_that_nobody_has_gets_an_id_and_no_mail(office: Office) -> None:
    collection = await office.collection(**OTP)
    answer = await office.post(f"{collection}/request-otp", {"email": "nobody@example.com"})
    assert answer.status_code == 200
    assert len(answer.json()["otpId"]) == 15
    await office.jobs_are_done()
    assert office.mailbox.to("nobody@example.com") == []
    known = await office.person(collection)
    id, _ = await ask(office, collection, known)
    wrong = [await use(office, collection, one, "000000x") for one in (id, answer.json()["otpId"], "nothing")]
    bodies = [{**refused(one, 400, "bad_request"), "requestId": ""} for one in wrong]
    assert bodies[0] == bodies[1] == bodies[2]


@in_one_loop
async def test_guessing_one_password_ends_soon_alike_for_one_that_was_never_sent(office: Office) -> None:
    collection = await office.collection(**OTP)
    id, _ = await ask(office, collection, await office.person(collection))
    for one in (id, "neversent123456"):
        statuses = [(await use(office, collection, one, "wrong")).status_code for _ in range(TRIES + 2)]
        assert statuses == [400] * TRIES + [429, 429]


@in_one_loop
async def test_asking_for_many_passwords_does_not_make_guessing_easier(office: Office) -> None:
    collection = await office.collection(**OTP)
    person = await office.person(collection)
    asked = [await ask(office, collection, person) for _ in range(4)]
    tried = [(await use(office, collection, id, "wrong")).status_code for id, _ in asked[:3] for _ in range(TRIES - 1)]
    assert tried == [400] * len(tried)
    assert len(tried) > TRIES_OF_ACCOUNT
    refused(await use(office, collection, *asked[3]), 400, "bad_request")


@in_one_loop
async def test_nobody_is_sent_more_passwords_than_can_be_alive(office: Office) -> None:
    collection = await office.collection(**OTP)
    person = await office.person(collection)
    for _ in range(12):
        assert (await office.post(f"{collection}/request-otp", {"email": person.email})).status_code == 200
    await office.jobs_are_done()
    assert len(office.mailbox.to(person.email)) == 10


@in_one_loop
async def test_an_old_one_one_of_another_collection_and_one_of_a_changed_password_do_not_hold(office: Office) -> None:
    collection, other = await office.collection(**OTP), await office.collection(**OTP)
    person = await office.person(collection)
    id, password = await ask(office, collection, person)
    refused(await use(office, other, id, password), 400, "bad_request")
    await office.value("UPDATE \"_otps\" SET created = now() - interval '181 s' WHERE id = $1", id)
    refused(await use(office, collection, id, password), 400, "bad_request")
    id, password = await ask(office, collection, person)
    changes = {"password": "another password", "passwordConfirm": "another password"}
    await office.api.root.patch(f"/api/collections/{collection}/records/{person.id}", json=changes)
    refused(await use(office, collection, id, password), 400, "bad_request")


@in_one_loop
async def test_an_address_that_changed_since_is_not_verified_by_the_password_sent_to_the_old_one(
    office: Office,
) -> None:
    collection = await office.collection(**OTP)
    person = await office.person(collection)
    id, password = await ask(office, collection, person)
    await office.value(f"UPDATE public.\"{collection}\" SET email = 'elsewhere@example.com'")  # noqa: S608
    assert (await use(office, collection, id, password)).json()["record"]["verified"] is False


@in_one_loop
async def test_where_they_are_off_nobody_asks_and_nobody_gets_in(office: Office) -> None:
    refused(await office.post("users/request-otp", {"email": "a@example.com"}), 403, "forbidden")
    refused(await use(office, "users", "x", "y"), 403, "forbidden")


@in_one_loop
@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        pytest.param({"password": "1"}, "otpId", "validation_required", id="no id"),
        pytest.param({"otpId": "x"}, "password", "validation_required", id="no password"),
        pytest.param({"otpId": 1, "password": "1"}, "otpId", "validation_invalid_value", id="an id that is no text"),
        pytest.param({"otpId": "x", "password": "1" * 300}, "password", "validation_length_too_long", id="too long"),
    ],
)
async def test_what_is_typed_wrong_is_told_by_field(
    office: Office, body: dict[str, Any], field: str, code: str
) -> None:
    collection = await office.collection(**OTP)
    data = refused(await office.post(f"{collection}/auth-with-otp", body), 400, "validation_failed")["data"]
    assert data[field]["code"] == code


@in_one_loop
async def test_where_nobody_has_a_password_the_first_login_takes_one_that_a_stranger_may_have_set(
    office: Office,
) -> None:
    collection = await office.collection(passwordAuth={"enabled": False}, **OTP)
    person = await office.person(collection)
    before = await office.password_of(person, collection)
    answer = await use(office, collection, *await ask(office, collection, person))
    assert answer.status_code == 200
    assert await office.is_logged_in(answer.json()["token"], collection)
    assert await office.password_of(person, collection) != before
