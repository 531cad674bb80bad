"""A server for tests of the auth flows: its mail goes to a mailbox, and each test has people of its own."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import httpx
import msgspec
import pytest
import pytest_asyncio

from client import PASSWORD, Api, running
from holdfast.catalog.store import load
from holdfast.schema.collection import Collection
from mail_sink import Letter, Mailbox, mail_server
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

NUMBERS = itertools.count(1)


class Person(msgspec.Struct, frozen=True):
    """Somebody with an account, and what they know."""

    id: str
    email: str
    password: str = PASSWORD


class Office:
    """An application whose mail goes to `mailbox`, and ways to have people in it."""

    def __init__(self, api: Api, mailbox: Mailbox) -> None:
        self.api = api
        self.mailbox = mailbox

    @staticmethod
    def number() -> int:
        """A number that no other test gets."""
        return next(NUMBERS)

    async def person(self, collection: str = "users", **values: Any) -> Person:
        """Somebody new."""
        values.setdefault("email", f"person{next(NUMBERS)}@example.com")
        values.setdefault("password", PASSWORD)
        made = await self.api.create(collection, passwordConfirm=values["password"], **values)
        return Person(made["id"], values["email"], values["password"])

    async def collection(self, **options: Any) -> str:
        """A new auth collection with these options; its name."""
        name = f"people{next(NUMBERS)}"
        await self.api.define(name, type="auth", **options)
        return name

    async def post(
        self, path: str, body: Any = None, *, token: str = "", address: str = "", agent: str = ""
    ) -> httpx.Response:
        """A request to `/api/collections/` + path, from an address that asks for nothing else."""
        client = self.api.client(token, address=address or f"2001:db8:{next(NUMBERS):x}::1")
        headers = {"user-agent": agent} if agent else {}
        return await client.post(f"/api/collections/{path}", json=body or {}, headers=headers)

    async def log_in(self, person: Person, collection: str = "users", **more: Any) -> str:
        """The token of a login."""
        body = {"identity": person.email, "password": person.password}
        answer = await self.post(f"{collection}/auth-with-password", body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    async def record(self, id: str, collection: str = "users") -> dict[str, Any]:
        """A record as a superuser sees it."""
        answer = await self.api.root.get(f"/api/collections/{collection}/records/{id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def mail(self, person: Person, *, count: int = 1) -> Letter:
        """The newest mail to somebody, as soon as there are so many."""
        return await self.mailbox.wait(person.email, count=count)

    async def is_logged_in(self, token: str, collection: str = "users") -> bool:
        """Whether a token still holds."""
        return (await self.post(f"{collection}/auth-refresh", token=token)).status_code == 200

    async def definition(self, name: str) -> Collection:
        """A collection as the server knows it."""
        connection = await self.api.pool.acquire()
        try:
            return (await load(connection)).get(name)
        finally:
            self.api.pool.release(connection)

    async def jobs_are_done(self) -> None:
        """Wait until everything that was promised has been done."""
        await self.until("SELECT NOT EXISTS (SELECT FROM holdfast.jobs)")

    async def password_of(self, person: Person, collection: str = "users") -> str:
        """The hash of somebody's password."""
        return await self.value(f'SELECT password FROM public."{collection}" WHERE id = $1', person.id)  # noqa: S608

    async def until(self, sql: str) -> None:
        """Wait until a question to the database is answered with yes."""
        for _ in range(500):
            if await self.value(sql):
                return
            await self.value("SELECT pg_sleep(0.01)")
        pytest.fail(f"never true: {sql}")

    async def value(self, sql: str, *args: object) -> Any:
        """The first value that a statement gives."""
        connection = await self.api.pool.acquire()
        try:
            return await connection.fetchval(sql, *args)
        finally:
            self.api.pool.release(connection)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """One application for the tests of a module; mark them with `in_one_loop`."""
    dsn = await make_database(cluster, PROJECT)
    with mail_server() as mailbox:
        connection = cast(Any, await asyncpg.connect(dsn))
        options = json.dumps({"smtp": mailbox.options, "meta": {"appName": "Tests", "appURL": "http://localhost:8090"}})
        await connection.execute("INSERT INTO holdfast.settings (key, value) VALUES ('options', $1)", options)
        await connection.close()
        async with running(dsn, tmp_path_factory.mktemp("office"), background=True) as api:
            yield Office(api, mailbox)
    await drop_database(cluster, dsn)
