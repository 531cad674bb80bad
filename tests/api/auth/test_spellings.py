"""Emails that look alike are one email: who signs up with another spelling gets no second account."""

from typing import Any

import pytest

from client import PASSWORD, in_one_loop
from office import Office

SPELLINGS = [
    pytest.param("{n}@example.com", id="as it is"),
    pytest.param("{N}@EXAMPLE.com", id="capitals"),
    pytest.param("\uff4a{n1}@example.com", id="a full-width letter"),
    pytest.param("  {n}@example.com ", id="blanks around it"),
]


async def spelled(office: Office, pattern: str) -> tuple[str, str]:
    """An address that somebody has, and another spelling of it."""
    person = await office.person(email=f"jo{office.number()}@example.com", name="Jo")
    name = person.email.partition("@")[0]
    return person.email, pattern.format(n=name, N=name.upper(), n1=name[1:])


@in_one_loop
@pytest.mark.parametrize("pattern", SPELLINGS)
async def test_every_spelling_logs_in(office: Office, pattern: str) -> None:
    kept, other = await spelled(office, pattern)
    answer = await office.post("users/auth-with-password", {"identity": other, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["email"] == kept


@in_one_loop
@pytest.mark.parametrize("pattern", SPELLINGS[:3])
async def test_no_spelling_makes_a_second_account(office: Office, pattern: str) -> None:
    _, other = await spelled(office, pattern)
    body = {"email": other, "password": PASSWORD, "passwordConfirm": PASSWORD}
    answer = await office.api.guest.post("/api/collections/users/records", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["data"]["email"]["code"] == "validation_not_unique"


@in_one_loop
async def test_a_spelling_is_shown_as_it_was_given(office: Office) -> None:
    person = await office.person(email=f"Jo.Doe{office.number()}@Example.com")
    assert (await office.record(person.id))["email"] == person.email


@in_one_loop
@pytest.mark.parametrize("pattern", SPELLINGS)
async def test_mail_goes_to_the_address_that_is_kept_whatever_was_typed(office: Office, pattern: str) -> None:
    kept, other = await spelled(office, pattern)
    assert (await office.post("users/request-password-reset", {"email": other})).status_code == 204
    await office.mailbox.wait(kept)
    assert {letter.to for letter in office.mailbox.letters} & {other} in (set[Any](), {kept})


@in_one_loop
async def test_guesses_are_counted_for_all_spellings_together(office: Office) -> None:
    person = await office.person(email=f"jo{office.number()}@example.com")
    name = person.email.partition("@")[0]
    spellings = [person.email, person.email.upper(), f"\uff4a{name[1:]}@example.com", f" {person.email}"]
    statuses = [
        (await office.post("users/auth-with-password", {"identity": one, "password": "wrong"})).status_code
        for one in spellings * 3
    ]
    assert statuses == [400] * 10 + [429] * 2


@in_one_loop
async def test_a_collection_that_came_with_an_index_of_its_own_tells_capitals_apart(office: Office) -> None:
    indexes = [f"CREATE UNIQUE INDEX `idx_own_email{office.number()}` ON `x` (`email`) WHERE `email` != ''"]
    collection = await office.collection(indexes=indexes)
    for email in ("ann@example.com", "ANN@example.com"):
        person = await office.person(collection, email=email)
        answer = await office.post(f"{collection}/auth-with-password", {"identity": email, "password": PASSWORD})
        assert answer.json()["record"]["id"] == person.id
