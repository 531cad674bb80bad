"""A server for tests of writing: the real front, catalog and tables, with callers that are named in the request."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest

from holdfast.catalog import store
from holdfast.catalog.live import LiveCatalog
from holdfast.collections.ddl import table_steps
from holdfast.collections.diff import Changes
from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.front import Front, Parts
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Routes
from holdfast.identity import GUEST, Principal
from holdfast.observe import NoObserver
from holdfast.records import batch, write_routes
from holdfast.schema.reading import read_collections
from holdfast.schema.system import system_collections

ROOT = Principal(
    kind="superuser", collection_id="pbc_3142635823", collection="_superusers", record_id="root00000000001"
)
SECRET = b"s" * 32


class Server:
    """A running server, asked as a superuser (`post`, `patch`, ...) or by `as_guest`, `as_user`."""

    def __init__(self, engine: Engine, front: Front) -> None:
        self.engine = engine
        self._transport = httpx.ASGITransport(front)
        self.root = self.client("root")
        self.guest = self.client("")

    def client(self, who: str) -> httpx.AsyncClient:
        """A client that is `root`, nobody, or `COLLECTION/ID`."""
        headers = {"authorization": who} if who else {}
        return httpx.AsyncClient(transport=self._transport, base_url="http://test/api", headers=headers)

    async def define(self, *collections: Mapping[str, Any]) -> None:
        """Make collections, given as the API takes them."""
        old = self.engine.catalog
        new = read_collections(list(collections), existing=old.collections)
        await self.become(old.collections, new)

    async def become(self, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
        """Make the tables and the catalog those of `after`."""
        old = self.engine.catalog
        changes = Changes(old, old.of(old.version + 1, after))
        async with self.engine.pool.transaction() as tx:
            for step in table_steps(changes, ()):
                await tx.execute(step.sql)
            await store.write(tx, old, after)
        await self.engine.live.reload()

    async def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        connection = await self.engine.pool.acquire()
        try:
            return [dict(row.items()) for row in await connection.fetch(query, *args)]
        finally:
            self.engine.pool.release(connection)

    async def made(self, collection: str, **values: Any) -> dict[str, Any]:
        """A record that a superuser has made."""
        response = await self.root.post(f"/collections/{collection}/records", json=values)
        assert response.status_code == 200, response.text
        return response.json()


async def dispatch(engine: Engine, request: Request) -> Response:
    """The writing half of the records' routes."""
    _, _, _, name, _, *rest = request.path.split("/")
    collection = engine.catalog.get(name)
    if rest:
        one: dict[str, Callable[..., Any]] = {
            "PATCH": write_routes.update,
            "PUT": write_routes.upsert,
            "DELETE": write_routes.delete,
        }
        return await one[request.method](engine, request, collection, rest[0])
    all: dict[str, Callable[..., Any]] = {"POST": write_routes.create, "PUT": write_routes.upsert}
    return await all[request.method](engine, request, collection)


async def authenticate(engine: Engine, headers: dict[bytes, bytes]) -> Principal:
    who = headers[b"authorization"].decode()
    if who == "root":
        return ROOT
    collection, _, id = who.partition("/")
    found = engine.catalog.find(collection)
    return Principal("user", found.id, found.name, id) if found is not None else GUEST


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    raise NotFound


@pytest.fixture
async def writing(database: str) -> AsyncIterator[Server]:
    """A server with the system collections and nothing else."""
    settings = Settings()
    pool = Pool(database, size=10, settings={"timezone": "UTC", "statement_timeout": "5000", "lock_timeout": "5000"})
    live = await LiveCatalog.open(pool)
    engine = Engine(settings=settings, pool=pool, live=live, secret=SECRET)
    route = Route(method="POST", path="/api/batch", handler=batch.handle, summary="Batch", access="anyone")
    front = Front(
        settings,
        Parts(
            records=dispatch,
            routes=Routes([route]),
            control=nothing,
            authenticate=authenticate,
            observer=NoObserver(),
        ),
    )
    front.open(engine)
    running = Server(engine, front)
    await running.become((), system_collections())
    yield running
    await pool.close()
