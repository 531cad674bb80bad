"""Every way to log in, by the generated client: mail, providers, authenticators and passkeys that are really there."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pyotp
import pytest
import pytest_asyncio

from client import PASSWORD, Api, in_one_loop, running
from generated import client_of, load, schema_of
from mail_sink import Mailbox, mail_server
from oauth2_provider import REDIRECT, OidcProvider
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT
from software_authenticator import Authenticator

pytestmark = in_one_loop
ORIGIN = "https://shop.example"
OTP = {"enabled": True, "length": 6}


class Shop:
    """A server, the package of it, a mailbox, and a provider where everybody has an account."""

    def __init__(self, api: Api, package: Any, mailbox: Mailbox, provider: OidcProvider) -> None:
        self.api = api
        self.p = package
        self.mailbox = mailbox
        self.provider = provider

    async def person(self, collection: str = "people") -> tuple[Any, str]:
        """A client that is nobody yet, and the address of somebody who is new."""
        email = f"{collection}{time.monotonic_ns()}@example.com"
        await self.api.create(collection, email=email, password=PASSWORD, passwordConfirm=PASSWORD)
        return client_of(self.api, self.p), email

    async def password_by_mail(self, accounts: Any, email: str) -> tuple[str, str]:
        """A one-time password, as its owner reads it."""
        id = await accounts.request_otp(email)
        return id, (await self.mailbox.wait(email)).find(r"\b(\d{6})\b")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(cluster: Cluster, openid: OidcProvider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    dsn = await make_database(cluster, PROJECT)
    folder = tmp_path_factory.mktemp("shop")
    with mail_server() as mailbox:
        async with running(
            dsn, folder, background=True, public_url=ORIGIN, outbound_allow=("127.0.0.0/8", "::1/128")
        ) as api:
            answer = await api.root.patch("/api/settings", json={"smtp": mailbox.options})
            assert answer.status_code == 200, answer.text
            provider = {"name": "oidc", "clientId": "app", "clientSecret": "hush", "extra": {"issuer": openid.url}}
            oauth2 = {"enabled": True, "providers": [provider]}
            await api.define("people", type="auth", otp=OTP, oauth2=oauth2)
            await api.define("guards", type="auth", otp=OTP, mfa={"enabled": True})
            yield Shop(api, load(await schema_of(api.root), folder / "package"), mailbox, openid)
    await drop_database(cluster, dsn)


async def by_password(shop: Shop, client: Any, email: str) -> Any:
    return await client.people.login(email, PASSWORD, session=True)


async def by_mail(shop: Shop, client: Any, email: str) -> Any:
    return await client.people.login_with_otp(*await shop.password_by_mail(client.people, email), session=True)


async def by_provider(shop: Shop, client: Any, email: str) -> Any:
    shop.provider.person(email, email=email, email_verified=True)
    (provider,) = (await client.people.auth_methods())["oauth2"]["providers"]
    back = shop.provider.log_in(provider["authURL"], email)
    return await client.people.login_with_oauth2(
        provider["name"], back["code"], provider["codeVerifier"], REDIRECT, session=True
    )


async def by_passkey(shop: Shop, client: Any, email: str) -> Any:
    device = Authenticator(ORIGIN)
    await client.people.login(email, PASSWORD)
    made = await client.people.register_passkey("Key", device.create(await client.people.passkey_registration()))
    assert isinstance(made, shop.p.Passkey)
    assert [one.id for one in await client.people.passkeys()] == [made.id]
    await client.people.log_out()
    found = await client.people.login_with_passkey(device.get(await client.people.passkey_options()), session=True)
    await client.people.delete_passkey(made.id)
    assert await client.people.passkeys() == []
    return found


Way = Callable[[Shop, Any, str], Awaitable[Any]]


@pytest.mark.parametrize("way", [by_password, by_mail, by_provider, by_passkey])
async def test_who_logs_in_is_a_record_of_their_collection_with_a_session(shop: Shop, way: Way):
    client, email = await shop.person()
    async with client:
        found = await way(shop, client, email)
        assert type(found) is shop.p.PeopleRecord
        assert found.email == email
        assert (client.who.record_id, client.who.collection) == (found.id, "people")
        before = client.who.refresh_token
        await client.people.refresh()
        assert client.who.refresh_token != before
        assert [one.current for one in await client.people.sessions()].count(True) == 1


async def test_an_authenticator_completes_every_login_and_a_recovery_code_stands_in(shop: Shop):
    client, email = await shop.person()
    people = client.people
    async with client:
        me = await people.login(email, PASSWORD)
        secret = (await people.enrol_totp()).secret
        now = int(time.time())
        recovery = await people.confirm_totp(pyotp.TOTP(secret).at(now - 30))
        await people.log_out()
        with pytest.raises(shop.p.SecondFactorNeeded) as needed:
            await people.login(email, PASSWORD)
        assert client.who is None
        with pytest.raises(shop.p.ValidationFailed):
            await people.login_with_totp(needed.value.mfa_id, "abcdef")
        assert (await people.login_with_totp(needed.value.mfa_id, pyotp.TOTP(secret).at(now))).id == me.id
        await people.log_out()
        with pytest.raises(shop.p.SecondFactorNeeded) as needed:
            await by_mail(shop, client, email)
        assert (await people.login_with_totp(needed.value.mfa_id, recovery[0], session=True)).id == me.id
        codes = await people.new_recovery_codes(recovery[1])
        assert len({*codes, *recovery}) == 20
        await people.disable_totp(codes[0])
        assert (await people.login(email, PASSWORD)).id == me.id


async def test_where_two_ways_are_asked_for_the_second_completes_the_first(shop: Shop):
    client, email = await shop.person("guards")
    async with client:
        with pytest.raises(shop.p.SecondFactorNeeded) as needed:
            await client.guards.login(email, PASSWORD)
        asked = await shop.password_by_mail(client.guards, email)
        found = await client.guards.login_with_otp(*asked, mfa_id=needed.value.mfa_id)
        assert (type(found), found.email) == (shop.p.GuardRecord, email)


async def test_links_by_mail_confirm_an_address_and_set_a_password(shop: Shop):
    client, email = await shop.person()
    async with client:
        await client.people.request_verification(email)
        await client.people.confirm_verification((await shop.mailbox.wait(email)).token)
        await client.people.request_password_reset(email)
        token = (await shop.mailbox.wait(email, count=2)).token
        await client.people.confirm_password_reset(token, "another long password")
        assert (await client.people.login(email, "another long password")).verified
        other = f"new-{email}"
        await client.people.request_email_change(other)
        await client.people.confirm_email_change((await shop.mailbox.wait(other)).token, "another long password")
        assert (await client.people.login(other, "another long password")).email == other
