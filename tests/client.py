"""The application in the test's own process, on a database of its own, and clients for it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from asgi_lifespan import lifespan
from holdfast.app import create_app
from holdfast.auth.account import account_by
from holdfast.auth.answer import new_token
from holdfast.auth.superusers import upsert_superuser
from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.db.sql import Statement, raw, value
from holdfast.http.front import Front
from holdfast.observe import RequestSeen
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

EMAIL = "root@example.com"
PASSWORD = "a long enough password"


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.requests: list[RequestSeen] = []

    def request(self, seen: RequestSeen) -> None:
        self.requests.append(seen)


class Api:
    """A running application. `guest` and `root` are clients of it: nobody, and a superuser.

    `pool` is a pool beside that of the application, for looking at the database.
    """

    def __init__(self, front: Front, settings: Settings, pool: Pool, seen: Seen) -> None:
        self.front = front
        self.settings = settings
        self.pool = pool
        self.seen = seen
        self.guest = self.client()
        self.root = self.client()

    def client(self, token: str = "", *, address: str = "192.0.2.1") -> httpx.AsyncClient:
        """A client with this token, from this address. A fault of the server raises nothing here: it is a 500."""
        transport = httpx.ASGITransport(self.front, raise_app_exceptions=False, client=(address, 50000))
        headers = {"Authorization": token} if token else {}
        return httpx.AsyncClient(transport=transport, base_url="http://holdfast.test", headers=headers)

    async def login(self, identity: str = EMAIL, password: str = PASSWORD, collection: str = "_superusers") -> str:
        """The token of a login."""
        answer = await self.guest.post(
            f"/api/collections/{collection}/auth-with-password", json={"identity": identity, "password": password}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    async def root_token(self) -> str:
        """A token of the superuser, without a login: that takes as long as its hash, and leaves an event."""
        engine = self.front.engine
        assert engine is not None
        superusers = engine.catalog.get("_superusers")
        account = await account_by(engine, superusers, "email", EMAIL)
        assert account is not None
        return await new_token(engine, superusers, account)

    async def define(self, name: str, fields: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
        """A collection that anyone may read and write, with these fields; `more` are further options of it."""
        open_rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
        body = {"name": name, "type": "base", "fields": fields or [], **open_rules, **more}
        answer = await self.root.post("/api/collections", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def create(self, collection: str, **values: Any) -> dict[str, Any]:
        """A record, made by the superuser."""
        answer = await self.root.post(f"/api/collections/{collection}/records", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()


_SUPERUSER = Statement.of(raw("SELECT FROM public._superusers WHERE email = ") + value(EMAIL, "text"))


@asynccontextmanager
async def running(database: str, data: Path, **changes: Any) -> AsyncIterator[Api]:
    """The application on a database whose schema is there, with a superuser who is logged in."""
    settings = msgspec.structs.replace(
        Settings(data=data, background=False, log_database=False, metrics_days=0), **changes
    )
    seen = Seen()
    front = create_app(settings, database, seen)
    pool = Pool(database, size=2, settings=session_settings(settings))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        if await pool.fetchrow(_SUPERUSER) is None:  # whoever runs on this database already stays logged in
            await upsert_superuser(pool, EMAIL, PASSWORD)
        await stack.enter_async_context(lifespan(front))
        api = Api(front, settings, pool, seen)
        await stack.enter_async_context(api.guest)
        await stack.enter_async_context(api.root)
        api.root.headers["Authorization"] = await api.root_token()
        seen.requests.clear()
        yield api


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The application with a superuser, and nothing else in it but the system collections."""
    async with running(database, tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """One application for all tests of a module that leave nothing behind; mark them with `in_one_loop`."""
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("shared")) as made:
        yield made
    await drop_database(cluster, dsn)


in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def start_api(database: str, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Api]]:
    """Starts an application with settings of one's own: `async with start_api(body_bytes=2048) as api`."""

    def start(**changes: Any) -> AbstractAsyncContextManager[Api]:
        return running(database, tmp_path, **changes)

    return start


def refused(answer: httpx.Response, status: int, code: str) -> Mapping[str, Any]:
    """The body of a refusal, after a look at its shape."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["data", "message", "status", "code", "requestId"]
    assert body["status"] == status
    assert body["code"] == code
    assert body["requestId"] == answer.headers["x-request-id"]
    assert body["message"].endswith((".", ":"))
    return body
