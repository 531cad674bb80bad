"""The catalog of this process: the newest snapshot that it has seen, and how it sees the next one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

import asyncpg
import structlog

from holdfast.catalog import held, store
from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import as_api_errors, end_if_cancelled
from holdfast.db.pool import Connection, Pool
from holdfast.errors import Unavailable

HEARTBEAT_SECONDS: Final = 1.0  # a lost connection is noticed within this plus ANSWER_SECONDS
ANSWER_SECONDS: Final = 1.5
RETRY_SECONDS: Final = 0.2
SWAP_CHANNEL: Final = "holdfast_swap"  # NOTIFY when another database is about to take the place of this one
EVERYWHERE_SECONDS: Final = 3.0  # longer than a heartbeat that fails: by then a process knows that it may be stale

Told: TypeAlias = Callable[[Catalog], None]
"""Hears of a new snapshot. It raises nothing."""
_log: Final = structlog.get_logger("holdfast.catalog")


class LiveCatalog:
    """Holds the snapshot `now`, and swaps it when its version moves. It never goes backwards. Take it once per request.

    `following` says whether this process hears of every change as it is committed. Both are only changed in here.
    `follow` is run as a task for as long as the process lives. Before it runs, and while it has lost its
    connection, the snapshot may be old: call `check` before a request is planned, which costs nothing otherwise.
    """

    def __init__(self, pool: Pool, now: Catalog) -> None:
        self._pool = pool
        self.now = now
        self.following = False
        self._told: tuple[Told, ...] = ()
        self.leaving = asyncio.Event()
        """Set when another database takes, or has taken, the place of this one: what works with it has to end."""

    @classmethod
    async def open(cls, pool: Pool) -> "LiveCatalog":
        """Load the catalog. Raises Unavailable when the database is away."""
        live = cls(pool, Catalog(version=-1))
        await live.reload()
        return live

    def tell(self, told: "Told") -> None:
        """Call `told` with each new snapshot, before anybody works with it."""
        self._told = (*self._told, told)

    async def check(self) -> None:
        """Make sure that `now` is what is committed: no query while `following`, one otherwise."""
        if not self.following:
            await self.reload()

    async def reload(self) -> None:
        """Load the snapshot if it has moved. Raises Unavailable when the database is away."""
        connection = await self._pool.acquire()
        try:
            with as_api_errors():
                await self._load(connection)
        finally:
            self._pool.release(connection)

    async def _load(self, connection: Connection) -> None:
        if await store.read_version(connection) <= self.now.version:
            return
        newest = await store.load(connection)
        # Two loads may overlap, and the one that began earlier may end later.
        if newest.version > self.now.version:
            for told in self._told:
                told(newest)
            self.now = newest

    async def everywhere(self, version: int) -> None:
        """Wait until every process that follows has loaded `version`; at most EVERYWHERE_SECONDS, then it is logged."""
        try:
            async with asyncio.timeout(EVERYWHERE_SECONDS):
                await self._until_everywhere(version)
        except TimeoutError:
            _log.warning("a server process has not loaded a change of the collections yet", version=version)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable):
            # The change is committed: to answer it with an error would be wrong.
            _log.warning(
                "cannot see whether all processes have a change of the collections", version=version, exc_info=True
            )

    async def _until_everywhere(self, version: int) -> None:
        pause = 0.002
        connection = await self._pool.acquire()
        try:
            while await held.older(connection, version):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.05)
        finally:
            self._pool.release(connection)

    async def follow(self) -> None:
        """Follow the catalog until cancelled. Lost connections are made anew."""
        while True:
            try:
                await self._follow_once()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, Unavailable) as failure:
                end_if_cancelled()
                if self._pool.replaced.is_set():
                    self.leaving.set()
                _log.warning("following the collections was interrupted", reason=str(failure))
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow_once(self) -> None:
        connection = await self._pool.connect()
        moved = asyncio.Event()

        def lost(_: object) -> None:
            self.following = False
            moved.set()

        def told(*_: object) -> None:
            moved.set()

        def leaves(*_: object) -> None:
            self.leaving.set()

        connection.add_termination_listener(lost)
        try:
            await connection.add_listener(store.CHANNEL, told)
            await connection.add_listener(SWAP_CHANNEL, leaves)
            holds = await held.hold(connection, await store.read_version(connection))
            while not connection.is_closed():
                moved.clear()
                # The lock was taken before the load: whoever commits in between sees it, and waits.
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._load(connection)
                    holds = await held.move(connection, holds, self.now.version)
                self.following = True
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await moved.wait()
        finally:
            self.following = False
            connection.terminate()  # a close would wait for an answer that may never come
