"""Confirming an address, choosing a new password, changing the email: by links that come by mail."""

import asyncio
from typing import Any

import pytest

from client import PASSWORD, in_one_loop, refused
from holdfast.auth.account import Account
from holdfast.auth.link_token import make_link_token
from office import Office, Person

NEW = "another good password"


async def ask(office: Office, flow: str, person: Person, collection: str = "users") -> str:
    """The token of the link that somebody gets when they ask."""
    before = len(office.mailbox.to(person.email))
    answer = await office.post(f"{collection}/request-{flow}", {"email": person.email})
    assert (answer.status_code, answer.content) == (204, b"")
    return (await office.mail(person, count=before + 1)).token


@in_one_loop
async def test_an_address_is_confirmed_by_the_link_that_comes_to_it(office: Office) -> None:
    person = await office.person()
    token = await ask(office, "verification", person)
    letter = await office.mail(person)
    assert letter.subject == "Confirm your email address for Tests"
    assert f"http://localhost:8090/_/#/auth/confirm-verification/{token}" in letter.html
    assert (await office.record(person.id))["verified"] is False
    for _ in range(2):
        answer = await office.post("users/confirm-verification", {"token": token})
        assert answer.status_code == 204
    assert (await office.record(person.id))["verified"] is True


@in_one_loop
async def test_who_is_verified_gets_no_link_and_who_asks_twice_gets_one(office: Office) -> None:
    verified, eager = await office.person(verified=True), await office.person()
    for person in (verified, eager, eager):
        assert (await office.post("users/request-verification", {"email": person.email})).status_code == 204
    await office.jobs_are_done()
    assert (await office.post("users/request-verification", {"email": eager.email})).status_code == 204
    await office.jobs_are_done()
    assert office.mailbox.to(verified.email) == []
    assert len(office.mailbox.to(eager.email)) == 1


@in_one_loop
async def test_a_new_password_ends_all_logins_and_verifies_the_address(office: Office) -> None:
    person = await office.person()
    before = await office.log_in(person)
    token = await ask(office, "password-reset", person)
    assert f"/_/#/auth/confirm-password-reset/{token}" in (await office.mail(person)).html
    body = {"token": token, "password": NEW, "passwordConfirm": NEW}
    assert (await office.post("users/confirm-password-reset", body)).status_code == 204
    assert (await office.record(person.id))["verified"] is True
    refused(await office.post("users/confirm-password-reset", body), 400, "validation_failed")
    await office.log_in(Person(person.id, person.email, NEW))
    old = await office.post("users/auth-with-password", {"identity": person.email, "password": PASSWORD})
    refused(old, 400, "bad_request")
    await asyncio.sleep(1.6)  # so long a process may know who sent a token
    assert not await office.is_logged_in(before)


@in_one_loop
@pytest.mark.parametrize(("verified", "left"), [(False, 0), (True, 1)], ids=["nobody had shown it", "shown before"])
async def test_a_reset_takes_an_account_from_whoever_made_it_with_the_address_of_another(
    office: Office, verified: bool, left: int
) -> None:
    """They had made a passkey and linked a provider, to come back by. In a verified account those are its owner's."""
    person = await office.person(verified=verified)
    await office.value(
        "INSERT INTO holdfast.passkeys (id, collection_id, record_id, name, credential_id, public_key, sign_count)"
        " VALUES ($1, '_pb_users_auth_', $1, 'k', $2, '\\x01', 0)",
        person.id,
        person.id.encode(),
    )
    await office.value(
        'INSERT INTO public."_externalAuths" (id, "collectionRef", "recordRef", provider, "providerId")'
        " VALUES ($1, '_pb_users_auth_', $1, 'oidc', $1)",
        person.id,
    )
    token = await ask(office, "password-reset", person)
    body = {"token": token, "password": "short", "passwordConfirm": NEW}
    refused(await office.post("users/confirm-password-reset", body), 400, "validation_failed")
    both = (
        "SELECT (SELECT count(*) FROM holdfast.passkeys WHERE record_id = $1)::text || (SELECT count(*)"
        ' FROM public."_externalAuths" WHERE "recordRef" = $1)'
    )
    assert await office.value(both, person.id) == "11"
    body["password"] = NEW
    assert (await office.post("users/confirm-password-reset", body)).status_code == 204
    assert await office.value(both, person.id) == f"{left}{left}"


@in_one_loop
async def test_another_reset_can_follow_at_once_after_one_that_was_used(office: Office) -> None:
    person = await office.person()
    token = await ask(office, "password-reset", person)
    body = {"token": token, "password": NEW, "passwordConfirm": NEW}
    assert (await office.post("users/confirm-password-reset", body)).status_code == 204
    assert await ask(office, "password-reset", person) != token


@in_one_loop
@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        pytest.param(
            {"password": "short", "passwordConfirm": "short"}, "password", "validation_min_text_constraint", id="short"
        ),
        pytest.param(
            {"password": NEW, "passwordConfirm": "other"},
            "passwordConfirm",
            "validation_values_mismatch",
            id="not the same twice",
        ),
        pytest.param({}, "password", "validation_required", id="none"),
        pytest.param({"password": 5, "passwordConfirm": 5}, "password", "validation_invalid_value", id="no text"),
        pytest.param(
            {"password": "x" * 2000, "passwordConfirm": "x" * 2000},
            "password",
            "validation_max_text_constraint",
            id="2,000 bytes",
        ),
    ],
)
async def test_a_new_password_that_is_none_is_refused_and_the_link_still_holds(
    office: Office, body: dict[str, Any], field: str, code: str
) -> None:
    person = await office.person()
    token = await ask(office, "password-reset", person)
    data = refused(
        await office.post("users/confirm-password-reset", {"token": token, **body}), 400, "validation_failed"
    )
    assert data["data"][field]["code"] == code
    good = {"token": token, "password": NEW, "passwordConfirm": NEW}
    assert (await office.post("users/confirm-password-reset", good)).status_code == 204


@in_one_loop
async def test_of_two_that_use_one_link_at_once_one_has_its_way(office: Office) -> None:
    person = await office.person()
    token = await ask(office, "password-reset", person)
    bodies = [{"token": token, "password": f"{NEW} {n}", "passwordConfirm": f"{NEW} {n}"} for n in range(3)]
    answers = await asyncio.gather(*(office.post("users/confirm-password-reset", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [204, 400, 400]


@in_one_loop
async def test_an_email_is_changed_by_the_link_that_comes_to_the_new_one(office: Office) -> None:
    person = await office.person()
    token = await office.log_in(person)
    new = Person(person.id, f"new.{person.email}")
    asked = await office.post("users/request-email-change", {"newEmail": new.email}, token=token)
    assert (asked.status_code, asked.content) == (204, b"")
    letter = await office.mail(new)
    assert letter.subject == "Confirm your new email address for Tests"
    assert office.mailbox.to(person.email) == []
    body = {"token": letter.token, "password": "wrong"}
    data = refused(await office.post("users/confirm-email-change", body), 400, "validation_failed")["data"]
    assert data["password"]["code"] == "validation_invalid_password"
    body["password"] = PASSWORD
    assert (await office.post("users/confirm-email-change", body)).status_code == 204
    record = await office.record(person.id)
    assert (record["email"], record["verified"]) == (new.email, True)
    refused(await office.post("users/confirm-email-change", body), 400, "validation_failed")
    await office.log_in(new)
    await asyncio.sleep(1.6)
    assert not await office.is_logged_in(token)


@in_one_loop
async def test_a_link_that_changes_the_email_is_no_way_to_guess_the_password(office: Office) -> None:
    person = await office.person()
    token = await office.log_in(person)
    await office.post("users/request-email-change", {"newEmail": f"x.{person.email}"}, token=token)
    letter = await office.mail(Person("", f"x.{person.email}"))
    statuses = [
        (await office.post("users/confirm-email-change", {"token": letter.token, "password": f"{n}"})).status_code
        for n in range(11)
    ]
    assert statuses == [400] * 10 + [429]


@in_one_loop
@pytest.mark.parametrize(
    ("email", "code"),
    [
        pytest.param("", "validation_required", id="none"),
        pytest.param("no address", "validation_is_email", id="no address"),
        pytest.param(["a@example.com"], "validation_is_email", id="no text"),
        pytest.param("SAME", "validation_not_in_invalid", id="its own"),
        pytest.param("TAKEN", "validation_invalid_new_email", id="somebody else's"),
    ],
)
async def test_a_new_email_that_cannot_be_taken_is_refused(office: Office, email: Any, code: str) -> None:
    person, other = await office.person(), await office.person()
    new = {"SAME": person.email, "TAKEN": other.email}.get(email, email) if isinstance(email, str) else email
    answer = await office.post("users/request-email-change", {"newEmail": new}, token=await office.log_in(person))
    assert refused(answer, 400, "validation_failed")["data"]["newEmail"]["code"] == code


@in_one_loop
async def test_an_email_that_somebody_took_in_the_meantime_is_not_taken_again(office: Office) -> None:
    person = await office.person()
    new = f"soon.{person.email}"
    await office.post("users/request-email-change", {"newEmail": new}, token=await office.log_in(person))
    letter = await office.mail(Person("", new))
    await office.person(email=new)
    answer = await office.post("users/confirm-email-change", {"token": letter.token, "password": PASSWORD})
    assert refused(answer, 400, "validation_failed")["data"]["token"]["code"] == "validation_invalid_token_email"


@in_one_loop
async def test_only_who_is_logged_in_there_asks_for_another_email(office: Office) -> None:
    person = await office.person()
    others = await office.collection()
    body = {"newEmail": f"y.{person.email}"}
    refused(await office.post("users/request-email-change", body), 401, "unauthenticated")
    token = await office.log_in(person)
    refused(await office.post(f"{others}/request-email-change", body, token=token), 403, "forbidden")


FLOWS = {
    "confirm-verification": "verification",
    "confirm-password-reset": "passwordReset",
    "confirm-email-change": "emailChange",
}


@in_one_loop
@pytest.mark.parametrize("path", FLOWS)
@pytest.mark.parametrize(
    "what", ["nothing", "a word", "a number", "a login", "another sort", "another collection", "expired", "forged"]
)
async def test_a_token_that_does_not_hold_is_refused_alike(office: Office, path: str, what: str) -> None:
    person = await office.person()
    sort: Any = FLOWS[path]
    other: Any = "verification" if sort != "verification" else "passwordReset"
    users = await office.definition("users")
    account = Account(
        person.id, "", await office.value('SELECT "tokenKey" FROM users WHERE id = $1', person.id), person.email
    )
    new = "new.mail@example.com"
    tokens: dict[str, Any] = {
        "nothing": None,
        "a word": "word",
        "a number": 5,
        "a login": await office.log_in(person),
        "another sort": make_link_token(users, account, other, new_email=new),
        "another collection": make_link_token(users, account, sort, new_email=new),
        "expired": make_link_token(users, account, sort, new_email=new, now=1_000_000),
        "forged": make_link_token(users, Account(person.id, "", "x" * 50, person.email), sort, new_email=new),
    }
    collection = await office.collection() if what == "another collection" else "users"
    body = {"token": tokens[what], "password": NEW, "passwordConfirm": NEW}
    data = refused(await office.post(f"{collection}/{path}", body), 400, "validation_failed")["data"]
    expected = "validation_token_collection_mismatch" if what == "another collection" else "validation_invalid_token"
    assert data["token"]["code"] == expected
    assert (await office.record(person.id))["verified"] is False


@in_one_loop
@pytest.mark.parametrize("flow", ["verification", "password-reset"])
async def test_an_address_that_nobody_has_is_answered_like_any_other(office: Office, flow: str) -> None:
    answer = await office.post(f"users/request-{flow}", {"email": "nobody@example.com"})
    assert (answer.status_code, answer.content) == (204, b"")
    await office.jobs_are_done()
    assert office.mailbox.to("nobody@example.com") == []


@in_one_loop
@pytest.mark.parametrize("path", ["request-verification", "request-password-reset", "request-otp"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({}, "validation_required", id="nothing"),
        pytest.param({"email": "  "}, "validation_required", id="blanks"),
        pytest.param({"email": {"a": 1}}, "validation_invalid_value", id="no text"),
        pytest.param({"email": "nobody"}, "validation_is_email", id="no address"),
        pytest.param({"email": "a" * 300 + "@example.com"}, "validation_length_too_long", id="too long"),
    ],
)
async def test_what_is_no_address_is_told_so(office: Office, path: str, body: dict[str, Any], code: str) -> None:
    collection = await office.collection(otp={"enabled": True})
    data = refused(await office.post(f"{collection}/{path}", body), 400, "validation_failed")["data"]
    assert data["email"]["code"] == code


@in_one_loop
async def test_superusers_need_no_confirmation_and_can_reset_their_password(office: Office) -> None:
    person = await office.person("_superusers")
    for path in ("request-verification", "confirm-verification", "request-email-change", "confirm-email-change"):
        answer = await office.post(f"_superusers/{path}", {"email": person.email, "token": "x", "password": "x"})
        refused(answer, 400, "bad_request")
    token = await ask(office, "password-reset", person, "_superusers")
    body = {"token": token, "password": NEW, "passwordConfirm": NEW}
    assert (await office.post("_superusers/confirm-password-reset", body)).status_code == 204
    await office.log_in(Person(person.id, person.email, NEW), "_superusers")


@in_one_loop
async def test_where_nobody_has_a_password_none_is_reset_and_confirming_sets_a_random_one(office: Office) -> None:
    collection = await office.collection(passwordAuth={"enabled": False}, otp={"enabled": True})
    person = await office.person(collection)
    refused(await office.post(f"{collection}/request-password-reset", {"email": person.email}), 400, "bad_request")
    before = await office.password_of(person, collection)
    token = await ask(office, "verification", person, collection)
    assert (await office.post(f"{collection}/confirm-verification", {"token": token})).status_code == 204
    assert (await office.record(person.id, collection))["verified"] is True
    assert await office.password_of(person, collection) != before


@in_one_loop
async def test_a_name_cannot_bring_markup_into_a_mail(office: Office) -> None:
    template = {"subject": "For {RECORD:name}", "body": "<p>{RECORD:name} {RECORD:tokenKey}</p> {TOKEN}"}
    fields = [{"name": "name", "type": "text"}]
    collection = await office.collection(verificationTemplate=template, fields=fields)
    person = await office.person(collection, name="<a href='https://evil.example'>\r\nBcc: x</a>")
    await ask(office, "verification", person, collection)
    letter = await office.mail(person)
    assert "<a href" not in letter.html
    assert "&lt;a href" in letter.html
    assert "{RECORD:tokenKey}" in letter.html
    assert letter.mail["Bcc"] is None


@in_one_loop
async def test_links_lead_to_the_configured_address_whatever_a_request_calls_the_server(office: Office) -> None:
    person = await office.person()
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    body = {"email": person.email}
    answer = await office.api.guest.post("/api/collections/users/request-password-reset", json=body, headers=headers)
    assert answer.status_code == 204
    letter = await office.mail(person)
    assert "evil.example" not in letter.html
    assert 'href="http://localhost:8090/_/#/auth/confirm-password-reset/' in letter.html
