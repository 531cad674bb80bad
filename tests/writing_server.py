"""The application for tests of writing: collections by import, users who are logged in, and a look at the rows."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from client import Api, running
from holdfast.auth.tokens import Claims, make_token, signing_key
from holdfast.catalog.live import LiveCatalog
from holdfast.engine import Engine
from holdfast.identity import Principal

ROOT = Principal(kind="superuser", collection="_superusers", record_id="root00000000001")
"""A superuser, for calling a use case without HTTP."""
TABLES = """
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname = 'public' AND tablename <> '_superusers'
"""


class Server:
    """The application, asked by a superuser (`root`), by nobody (`guest`), or by somebody (`user`).

    `engine` is one beside that of the application, for calling use cases; `define` keeps its catalog up to date.
    """

    def __init__(self, api: Api, engine: Engine) -> None:
        self.api = api
        self.engine = engine
        self.guest = api.guest
        self.root = api.root
        for client in (self.guest, self.root):
            client.base_url = httpx.URL("http://holdfast.test/api")

    async def user(self, collection: str, id: str) -> httpx.AsyncClient:
        """A client that is this record of an auth collection."""
        await self.engine.live.reload()
        found = self.engine.catalog.get(collection)
        rows = await self.rows(f'SELECT "tokenKey" FROM "{found.name}" WHERE id = $1', id)  # noqa: S608
        claims = Claims(collection_id=found.id, exp=int(time.time()) + 600, id=id, refreshable=True, type="auth")
        key = signing_key(rows[0]["tokenKey"], found.auth["authToken"]["secret"])
        client = self.api.client(make_token(claims, key))
        client.base_url = httpx.URL("http://holdfast.test/api")
        return client

    async def define(self, *collections: Mapping[str, Any]) -> None:
        """Make collections, given as the API takes them."""
        response = await self.root.put("/collections/import", json={"collections": collections})
        assert response.status_code == 204, response.text
        await self.engine.live.reload()

    async def empty(self) -> None:
        """Take all records away but the superuser, and all kept answers."""
        tables = [row["name"] for row in await self.rows(TABLES)]
        async with self.api.pool.transaction() as tx:
            await tx.connection.execute("SET CONSTRAINTS ALL DEFERRED")
            for table in ("holdfast.idempotency", *tables):
                await tx.connection.execute(f"DELETE FROM {table}")  # noqa: S608

    async def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        connection = await self.api.pool.acquire()
        try:
            return [dict(row.items()) for row in await connection.fetch(query, *args)]
        finally:
            self.api.pool.release(connection)

    async def made(self, collection: str, **values: Any) -> dict[str, Any]:
        """A record that a superuser has made."""
        response = await self.root.post(f"/collections/{collection}/records", json=values)
        assert response.status_code == 200, response.text
        return response.json()


@asynccontextmanager
async def serve(database: str, data: Path) -> AsyncIterator[Server]:
    """The application with one superuser, and nothing else in it but the system collections."""
    async with running(database, data) as api:
        live = await LiveCatalog.open(api.pool)
        yield Server(api, Engine(settings=api.settings, pool=api.pool, live=live, secret=b"s" * 32))


@pytest.fixture
async def writing(database: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server of its own for one test."""
    async with serve(database, tmp_path) as one:
        yield one
