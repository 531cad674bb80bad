"""A server for tests of OAuth2, beside a real OpenID provider and a scripted one, and collections that take both."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from client import Api, running
from mail_sink import Mailbox
from oauth2_provider import REDIRECT, OidcProvider, Script, scripted_provider
from office import Office
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

SUBS = itertools.count(1)
APP = {"clientId": "our-app", "clientSecret": "hush"}
VERIFIER = "v" * 43


class Desk(Office):
    """An application whose people come from `provider`, by collections that `open` makes."""

    def __init__(self, api: Api, provider: OidcProvider, script: Script) -> None:
        super().__init__(api, Mailbox())
        self.provider = provider
        self.script = script

    async def open(self, oauth2: dict[str, Any] | None = None, **options: Any) -> str:
        """A new auth collection: `oidc` by its issuer, `oidc2` by ID tokens, `oidc3` and `github` by the script."""
        url, script = self.provider.url, self.script.url
        at = {"authURL": f"{url}/oauth2/authorize", "tokenURL": f"{url}/oauth2/token"}
        scripted = {"authURL": f"{script}/authorize", "tokenURL": f"{script}/token", "userInfoURL": f"{script}/user"}
        providers = [
            {"name": "oidc", **APP, "extra": {"issuer": url}},
            {"name": "oidc2", **APP, **at, "extra": {"jwksURL": f"{url}/jwks", "issuers": [url]}},
            {"name": "oidc3", **APP, **scripted},
            {"name": "github", **APP, **scripted},
        ]
        return await self.collection(oauth2={"enabled": True, "providers": providers, **(oauth2 or {})}, **options)

    async def start(self, collection: str, provider: str = "oidc") -> dict[str, Any]:
        """How a provider is begun with."""
        answer = await self.api.guest.get(f"/api/collections/{collection}/auth-methods")
        assert answer.status_code == 200, answer.text
        return next(one for one in answer.json()["oauth2"]["providers"] if one["name"] == provider)

    def somebody(self, **claims: Any) -> str:
        """A new account at the provider; its sub. It has an address that is verified, unless `claims` say otherwise."""
        sub = f"sub{next(SUBS)}"
        said = {"email": f"{sub}@example.com", "email_verified": True, "name": "Ann Lee", **claims}
        self.provider.person(sub, **said)
        return sub

    async def code(self, collection: str, sub: str, provider: str = "oidc") -> dict[str, str]:
        """What the app of somebody sends after they have logged in at the provider."""
        begun = await self.start(collection, provider)
        back = self.provider.log_in(begun["authURL"], sub)
        assert back["state"] == begun["state"]
        return {
            "provider": provider,
            "code": back["code"],
            "codeVerifier": begun["codeVerifier"],
            "redirectURL": REDIRECT,
        }

    async def come(
        self, collection: str, sub: str, provider: str = "oidc", *, token: str = "", query: str = "", **more: Any
    ) -> httpx.Response:
        """Somebody logs in by their provider."""
        body = {**await self.code(collection, sub, provider), **more}
        return await self.post(f"{collection}/auth-with-oauth2{query}", body, token=token)

    async def came(self, collection: str, sub: str, provider: str = "oidc", **more: Any) -> dict[str, Any]:
        """The same, when it has to succeed."""
        answer = await self.come(collection, sub, provider, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def scripted(self, collection: str, provider: str = "oidc3", **more: Any) -> httpx.Response:
        """Somebody comes from the scripted provider, with a code of its own."""
        body = {
            "provider": provider,
            "code": f"code{next(SUBS)}",
            "codeVerifier": VERIFIER,
            "redirectURL": REDIRECT,
            **more,
        }
        return await self.post(f"{collection}/auth-with-oauth2", body)

    async def links(self, record_id: str) -> list[str]:
        """The providers that a record is linked with."""
        answer = await self.api.root.get(
            "/api/collections/_externalAuths/records", params={"filter": f"recordRef='{record_id}'", "sort": "provider"}
        )
        return [item["provider"] for item in answer.json()["items"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(cluster: Cluster, openid: OidcProvider, tmp_path_factory: Any) -> AsyncIterator[Desk]:
    """One application for the tests of a module; mark them with `in_one_loop`."""
    dsn = await make_database(cluster, PROJECT)
    with scripted_provider() as script:
        async with running(dsn, tmp_path_factory.mktemp("desk"), outbound_allow=("127.0.0.0/8", "::1/128")) as api:
            yield Desk(api, openid, script)
    await drop_database(cluster, dsn)
