"""From where people log in: a new place is told to its owner. And what goes with an account."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from client import PASSWORD, Api, in_one_loop, refused
from holdfast.auth.left_behind import sweep_left_behind
from holdfast.db.sql import Statement, raw
from office import Office, Person

HOME, WORK = "203.0.113.5", "198.51.100.7"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"


async def places(office: Office, person: Person) -> int:
    return await office.value('SELECT count(*) FROM "_authOrigins" WHERE "recordRef" = $1', person.id)


@in_one_loop
async def test_a_login_from_a_new_place_is_mailed_and_the_first_and_known_ones_are_not(office: Office) -> None:
    person = await office.person()
    for address, agent in ((HOME, FIREFOX), (HOME, FIREFOX), (HOME.replace(".5", ".5"), FIREFOX)):
        await office.log_in(person, address=address, agent=agent)
    await office.jobs_are_done()
    assert office.mailbox.to(person.email) == []
    await office.log_in(person, address=WORK, agent=FIREFOX)
    letter = await office.mail(person)
    assert letter.subject == "Someone logged in to Tests from a new place"
    assert WORK in letter.html
    assert "Firefox/147.0" in letter.html
    await office.log_in(person, address=WORK, agent=FIREFOX)
    await office.log_in(person, address=HOME, agent=FIREFOX)
    await office.jobs_are_done()
    assert len(office.mailbox.to(person.email)) == 1
    assert await places(office, person) == 2


@in_one_loop
async def test_a_place_that_pocketbase_knew_before_a_move_is_known(office: Office) -> None:
    person = await office.person()
    await office.log_in(person, address=WORK, agent=FIREFOX)
    former = hashlib.md5((HOME + FIREFOX).encode()).hexdigest()
    await office.value('UPDATE "_authOrigins" SET fingerprint = $2 WHERE "recordRef" = $1', person.id, former)
    await office.log_in(person, address=HOME, agent=FIREFOX)
    await office.jobs_are_done()
    assert office.mailbox.to(person.email) == []


@in_one_loop
async def test_another_program_in_the_same_place_is_new_and_another_address_of_a_network_is_not(office: Office) -> None:
    person = await office.person()
    await office.log_in(person, address="2001:db8:aa:bb::1", agent=FIREFOX)
    await office.log_in(person, address="2001:db8:aa:bb:ffff::2", agent=FIREFOX)
    assert await places(office, person) == 1
    await office.log_in(person, address="2001:db8:aa:bb::1", agent="curl/8")
    await office.mail(person)
    assert await places(office, person) == 2


@in_one_loop
async def test_five_places_are_remembered_the_ones_used_last(office: Office) -> None:
    person = await office.person()
    for number in range(5):
        await office.log_in(person, address=f"192.0.2.{number}", agent=FIREFOX)
    await office.log_in(person, address="192.0.2.0", agent=FIREFOX)
    await office.log_in(person, address="192.0.2.100", agent=FIREFOX)
    assert await places(office, person) == 5
    await office.jobs_are_done()
    mails = len(office.mailbox.to(person.email))
    await office.log_in(person, address="192.0.2.0", agent=FIREFOX)
    await office.jobs_are_done()
    assert len(office.mailbox.to(person.email)) == mails == 5
    await office.log_in(person, address="192.0.2.1", agent=FIREFOX)
    await office.mail(person, count=6)


@in_one_loop
async def test_a_refresh_is_no_login_and_a_collection_can_do_without(office: Office) -> None:
    person = await office.person()
    token = await office.log_in(person, address=HOME, agent=FIREFOX)
    await office.post("users/auth-refresh", token=token, address=WORK, agent="another")
    assert await places(office, person) == 1
    collection = await office.collection(authAlert={"enabled": False})
    quiet = await office.person(collection)
    await office.log_in(quiet, collection, address=HOME, agent=FIREFOX)
    assert await places(office, quiet) == 0


@in_one_loop
async def test_what_a_client_calls_itself_cannot_bring_markup_into_the_mail(office: Office) -> None:
    person = await office.person()
    await office.log_in(person, address=HOME, agent=FIREFOX)
    await office.log_in(person, address=WORK, agent="<script>alert(1)</script>")
    letter = await office.mail(person)
    assert "<script>" not in letter.html
    assert "&lt;script&gt;" in letter.html


@in_one_loop
async def test_a_new_password_forgets_the_places_and_a_rehash_does_not(office: Office) -> None:
    person = await office.person()
    await office.log_in(person, address=HOME, agent=FIREFOX)
    await office.value("UPDATE users SET password = password || '' WHERE id = $1", person.id)
    assert await places(office, person) == 1
    changes = {"password": "another password", "passwordConfirm": "another password"}
    await office.api.root.patch(f"/api/collections/users/records/{person.id}", json=changes)
    assert await places(office, person) == 0


@in_one_loop
@pytest.mark.parametrize("how", ["the API", "psql", "truncate"])
async def test_what_an_account_had_to_log_in_with_goes_with_it(office: Office, how: str) -> None:
    collection = await office.collection(otp={"enabled": True}, mfa={"enabled": False})
    gone, stays = await office.person(collection), await office.person()
    id = (await office.definition(collection)).id
    for table, column in (
        ("_externalAuths", "provider"),
        ("_mfas", "method"),
        ("_otps", "password"),
        ("_authOrigins", "fingerprint"),
    ):
        for person, ref in ((gone, id), (stays, "_pb_users_auth_")):
            more = ', "providerId"' if table == "_externalAuths" else ""
            await office.value(
                f'INSERT INTO public."{table}" (id, "collectionRef", "recordRef", "{column}"{more})'  # noqa: S608
                f" VALUES (left(md5(random()::text), 15), $1, $2, $2{', $2' if more else ''})",
                ref,
                person.id,
            )
    if how == "the API":
        await office.api.root.delete(f"/api/collections/{collection}/records/{gone.id}")
    elif how == "psql":
        await office.value(f'DELETE FROM public."{collection}"')  # noqa: S608
    else:
        await office.api.root.delete(f"/api/collections/{collection}/truncate")
    for table in ("_externalAuths", "_mfas", "_otps", "_authOrigins"):
        left = f'SELECT count(*) FROM public."{table}" WHERE "recordRef" = $1'  # noqa: S608
        assert await office.value(left, gone.id) == 0, table
        assert await office.value(left, stays.id) == 1, table


async def test_what_a_collection_had_waits_in_the_trash_and_goes_with_it(api: Api) -> None:
    collection = await api.define("members", type="auth")
    person = await api.create("members", email="a@example.com", password=PASSWORD, passwordConfirm=PASSWORD)
    body = {"identity": "a@example.com", "password": PASSWORD, "session": True}
    answer = await api.guest.post("/api/collections/members/auth-with-password", json=body)
    client = api.client(answer.json()["token"])
    for path in ("totp/enroll", "passkeys/register-options"):
        assert (await client.post(f"/api/collections/members/{path}")).status_code == 200
    connection = await api.pool.acquire()
    mine = (collection["id"], person["id"])
    await connection.execute("INSERT INTO holdfast.recovery_codes VALUES ($1, $2, '\\x01')", *mine)
    await connection.execute(
        "INSERT INTO holdfast.passkeys (id, collection_id, record_id, name, credential_id, public_key, sign_count)"
        " VALUES ($2, $1, $2, 'k', '\\x01', '\\x01', 0)",
        *mine,
    )
    api.pool.release(connection)

    async def left() -> int:
        """What there is of everything that the account had."""
        connection = await api.pool.acquire()
        try:
            kept = [
                await connection.fetchval(f"SELECT count(*) FROM holdfast.{table} WHERE record_id = $1", person["id"])  # noqa: S608
                for table in ("sessions", "totps", "challenges", "recovery_codes", "passkeys")
            ]
            places = 'SELECT count(*) FROM public."_authOrigins" WHERE "recordRef" = $1'
            return sum(kept) + await connection.fetchval(places, person["id"])
        finally:
            api.pool.release(connection)

    assert await left() == 6
    assert (await api.root.delete(f"/api/collections/{collection['id']}")).status_code == 204
    assert await sweep_left_behind(api.pool) == 0
    assert await left() == 6
    # A token of what is gone opens nothing in the meantime, nor does it keep anything alive.
    refused(await client.get("/api/collections/members/sessions"), 404, "not_found")
    trash = (await api.root.get("/api/collections/trash")).json()["items"]
    assert (await api.root.delete(f"/api/collections/trash/{trash[0]['id']}")).status_code == 204
    assert await sweep_left_behind(api.pool) == 5  # recovery codes go with their authenticator
    assert await left() == 0


async def test_without_a_mail_server_people_log_in_and_whoever_needs_a_mail_is_told(
    start_api: Callable[..., AbstractAsyncContextManager[Api]],
) -> None:
    async with start_api(public_url="https://app.example.com") as api:
        await api.create("users", email="a@example.com", password=PASSWORD, passwordConfirm=PASSWORD)
        for address in (HOME, WORK):
            body = {"identity": "a@example.com", "password": PASSWORD}
            answer = await api.client(address=address).post("/api/collections/users/auth-with-password", json=body)
            assert answer.status_code == 200
        for email in ("a@example.com", "nobody@example.com"):
            for flow in ("verification", "password-reset"):
                answer = await api.guest.post(f"/api/collections/users/request-{flow}", json={"email": email})
                refused(answer, 503, "unavailable")
        row = await api.pool.fetchrow(Statement.of(raw("SELECT count(*) AS promised FROM holdfast.jobs")))
        assert row is not None
        assert row["promised"] == 0
