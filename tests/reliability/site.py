"""A real server in a process of its own that a test kills and starts again, and its PostgreSQL."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
import psutil

from holdfast.db.embedded import Embedded
from holdfast.db.embedded.leftovers import find
from served import EMAIL, PASSWORD, Server

WAIT_SECONDS = 60.0
OPEN = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
ENVIRONMENT = {
    "HOLDFAST_SUPERUSER_EMAIL": EMAIL,
    "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD,
    "HOLDFAST_OUTBOUND_ALLOW": "127.0.0.0/8",  # receivers of the tests are on this machine
}
ON_THE_WAY = (
    "SELECT id, type, record_id FROM holdfast.outbox ORDER BY id LIMIT 3",
    "SELECT epoch, seq, (SELECT count(*) FROM holdfast.events) AS events FROM holdfast.stream",
    "SELECT epoch, seq FROM holdfast.webhook_cursor",
    "SELECT state, attempts, error, next_at - now() AS due, lease_until - now() AS lease, count(*)"
    " FROM holdfast.deliveries WHERE state <> 2 GROUP BY 1, 2, 3, 4, 5 LIMIT 5",
)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def until(condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> float:
    """Wait until something is so; the seconds that took. Fails with `what` when it does not come to pass."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


class Site:
    """A server at an address that stays the same over restarts, and its superuser.

    `start` it first. `http` is a session of the superuser; the paths of `get`, `post`, `patch` and `delete` begin with
    /api. After `async with` nothing of it runs any more.
    """

    def __init__(self, data: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dsn = ""
        self.token = ""
        self.options = options
        self.environment = {**ENVIRONMENT, **(environment or {})}
        self._server: Server | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Site":
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._http is not None:
            await self._http.close()
        if self._server is not None:
            if self._server.process.poll() is None:
                with suppress(ProcessLookupError):
                    self._server.signal(signal.SIGCONT)
            await asyncio.to_thread(self._server.stop)

    @property
    def server(self) -> Server:
        """The process that was started last."""
        assert self._server is not None, "the site was not started"
        return self._server

    @property
    def http(self) -> aiohttp.ClientSession:
        """The superuser's session."""
        assert self._http is not None, "the site was not started"
        return self._http

    async def start(self, *options: str) -> float:
        """Start the server, and wait until it takes requests; the seconds that took."""
        began = time.monotonic()
        port = ("--port", str(self.port))
        self._server = Server(self.data, *port, *self.options, *options, environment=self.environment)
        await asyncio.to_thread(self._server.started)
        took = time.monotonic() - began
        if not self.token:
            self.dsn = await asyncio.to_thread(self._database)
            await self._log_in()
        return took

    def _database(self) -> str:
        attached = Embedded(self.data)
        try:
            return attached.start().dsn
        finally:
            attached.stop()

    async def _log_in(self) -> None:
        body = {"identity": EMAIL, "password": PASSWORD}
        url = f"{self.url}/api/collections/_superusers/auth-with-password"
        async with aiohttp.ClientSession() as guest, guest.post(url, json=body) as answer:
            answer.raise_for_status()
            self.token = str((await answer.json())["token"])
        timeout = aiohttp.ClientTimeout(total=30)
        self._http = aiohttp.ClientSession(
            self.url,
            headers={"Authorization": self.token},
            timeout=timeout,
            connector=aiohttp.TCPConnector(limit=0),  # as many at once as a test wants
        )

    async def kill(self) -> None:
        """SIGKILL the server. Its PostgreSQL is told by the kernel, and shuts down."""
        self.server.signal(signal.SIGKILL)
        await asyncio.to_thread(self.server.ended)

    async def stop(self) -> int:
        """Stop the server in order; its exit code."""
        return await asyncio.to_thread(self.server.stop)

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        async with self.http.request(method, path, json=body, **more) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else None

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of a good answer."""
        return await self._ok("GET", path, None, params=query)

    async def post(self, path: str, body: object) -> Any:
        """The JSON of a good answer."""
        return await self._ok("POST", path, body)

    async def patch(self, path: str, body: object) -> Any:
        """The JSON of a good answer."""
        return await self._ok("PATCH", path, body)

    async def delete(self, path: str) -> None:
        """Delete what is there."""
        await self._ok("DELETE", path, None)

    async def _ok(self, method: str, path: str, body: object, **more: Any) -> Any:
        status, answer = await self.ask(method, path, body, **more)
        assert status in (200, 204), (method, path, status, answer)
        return answer

    async def define(self, name: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A collection that anyone may read and write, with these fields; a text `title` without any."""
        chosen = list(fields) or [{"name": "title", "type": "text"}]
        made = await self.post("/api/collections", {"name": name, "type": "base", "fields": chosen, **OPEN, **more})
        await self.relayed()  # who counts from here on does not count what was done until here
        return made

    async def webhook(self, url: str, *events: str, **more: Any) -> dict[str, Any]:
        """A webhook, when the process that sends has seen that it is there."""
        made = await self.post("/api/webhooks", {"url": url, "events": list(events), **more})
        await asyncio.sleep(1.2)  # it reads its endpoints once a second
        return made

    async def connect(self, *, superuser: bool = False, database: str = "") -> Any:
        """A connection to its PostgreSQL, which the caller closes."""
        return await asyncpg.connect(self.address(superuser=superuser, database=database), timeout=10)

    def address(self, *, superuser: bool = False, database: str = "") -> str:
        """The address of its PostgreSQL; that of the server's role and database unless told."""
        parts = urlsplit(self.dsn)
        if superuser:
            password = (self.data / "pg.superuser").read_text().strip()
            parts = parts._replace(netloc=f"postgres:{password}@")
        return urlunsplit(parts._replace(path=f"/{database}") if database else parts)

    async def asked(self, query: str, *args: object, superuser: bool = False) -> Any:
        """One value from its PostgreSQL."""
        connection = await self.connect(superuser=superuser)
        try:
            return await connection.fetchval(query, *args)
        finally:
            await connection.close()

    async def did(self, script: str, *, superuser: bool = False) -> None:
        """Run statements in its PostgreSQL."""
        connection = await self.connect(superuser=superuser)
        try:
            await connection.execute(script)
        finally:
            await connection.close()

    async def relayed(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until every committed change has its number."""
        await self.becomes("SELECT count(*) FROM holdfast.outbox", 0, seconds)

    async def delivered(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until every event is routed, and no delivery is ready or under way any more."""
        await self.relayed(seconds)
        await self.becomes("SELECT seq - (SELECT seq FROM holdfast.webhook_cursor) FROM holdfast.stream", 0, seconds)
        try:
            await self.becomes("SELECT count(*) FROM holdfast.deliveries WHERE state < 2", 0, seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}: {await self.standing()}") from failure

    async def becomes(self, query: str, wanted: object, seconds: float = WAIT_SECONDS) -> None:
        """Wait until a query gives this."""
        deadline = time.monotonic() + seconds
        connection = await self.connect()
        try:
            while (found := await connection.fetchval(query)) != wanted:
                assert time.monotonic() < deadline, f"{query}: {found} and not {wanted} within {seconds:.0f} s"
                await asyncio.sleep(0.02)
        finally:
            await connection.close()

    async def standing(self) -> str:
        """Where changes are on their way to receivers: for the message of a test that waits in vain."""
        connection = await self.connect()
        try:
            return "; ".join(f"{query}: {[dict(row) for row in await connection.fetch(query)]}" for query in ON_THE_WAY)
        finally:
            await connection.close()

    async def end_leases(self) -> None:
        """Let the leases of a process that was killed run out now, and not after their minute."""
        await self.did("UPDATE holdfast.deliveries SET lease_until = now() - interval '1 second' WHERE state = 1")

    def postmaster(self) -> int:
        """The process id of its PostgreSQL, as that has written it down."""
        return int((self.data / "pg" / "postmaster.pid").read_text().split()[0])

    def postgres(self) -> list[int]:
        """The ids of all processes of its PostgreSQL; the first is the postmaster's."""
        first = self.postmaster()
        return [first, *sorted(set(find(self.data / "pg").ours) - {first})]

    def rss_mb(self) -> float:
        """The resident memory of the server's first process."""
        return psutil.Process(self.server.process.pid).memory_info().rss / 1e6


def kill(*pids: int) -> None:
    """SIGKILL these processes; those that are gone already are no matter."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


UNTOLD = """
    WITH made AS (SELECT record_id AS id FROM holdfast.events WHERE type = $1 || '.created'),
         there AS ({rows})
    SELECT (SELECT count(*) FROM there WHERE id NOT IN (SELECT id FROM made)) AS without_event,
           (SELECT count(*) FROM made WHERE id NOT IN (SELECT id FROM there)) AS without_row,
           (SELECT count(*) - count(DISTINCT id) FROM made) AS told_twice,
           (SELECT coalesce(max(seq), 0) - count(*) FROM holdfast.events)
         + (SELECT abs(seq - coalesce((SELECT max(seq) FROM holdfast.events), 0)) FROM holdfast.stream) AS gaps
"""


async def untold(site: Site, collection: str) -> dict[str, int]:
    """How many rows have no event, events have no row, rows have two events, and numbers are missing.

    For a collection of which records were only made; asked when all events have their numbers.
    """
    await site.relayed()
    connection = await site.connect()
    try:
        row = await connection.fetchrow(UNTOLD.format(rows=f"SELECT id FROM {collection}"), collection)  # noqa: S608
        return {name: int(found) for name, found in row.items()}
    finally:
        await connection.close()
