"""A database whose collections are captured, with a relay in the test's process, for tests of the log."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec

from holdfast.config import Settings
from holdfast.db.pool import Connection, Pool
from holdfast.db.session import session_settings
from holdfast.db.sql import inline
from holdfast.events import capture
from holdfast.events.event import Event
from holdfast.events.feed import Feed
from holdfast.events.position import Position
from holdfast.events.relay import Relay
from holdfast.schema.collection import Collection
from holdfast.schema.number import NumberField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField

NOTES = Collection(
    id="c_notes",
    name="notes",
    fields=(
        id_field(),
        TextField(id="t1", name="title"),
        NumberField(id="n1", name="count", only_int=True),
        TextField(id="t2", name="secret", hidden=True),
    ),
)
SEEN_SECONDS = 20.0


class Log:
    """The log of a database. `connection` is one beside the relay's."""

    def __init__(self, dsn: str, pool: Pool, connection: Connection) -> None:
        self.dsn = dsn
        self.pool = pool
        self.connection = connection
        self.feed = Feed(pool)
        self.relays: list[asyncio.Task[None]] = []
        self.since: Position | None = None  # where the events of a test begin, when several share the log

    def relay(self, *, days: int = 7) -> asyncio.Task[None]:
        """Begin to relay."""
        task = asyncio.create_task(Relay(self.pool, days=days).run())
        self.relays.append(task)
        return task

    async def stop(self) -> None:
        """Relay no more."""
        for task in self.relays:
            task.cancel()
        for task in self.relays:
            with suppress(asyncio.CancelledError):
                await task
        self.relays.clear()

    async def start(self) -> Position:
        """Before the first event."""
        return Position((await self.feed.position()).epoch, 0)

    async def settled(self) -> None:
        """Wait until everything that is committed has its number."""
        async with asyncio.timeout(SEEN_SECONDS):
            while await self.connection.fetchval("SELECT EXISTS (SELECT FROM holdfast.outbox)"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def events(self, after: Position | None = None) -> list[Event]:
        """All events after a position, `since` (or from the first on) without one, when all have their numbers."""
        await self.settled()
        found: list[Event] = []
        position = after or self.since or await self.start()
        while True:
            page = await self.feed.read(position)
            if not page:
                return found
            found.extend(page)
            position = Position(position.epoch, page[-1].seq)

    async def types(self, after: Position | None = None) -> list[str]:
        """What happened, in order."""
        return [event.type for event in await self.events(after)]


def folded(events: Iterable[Event], *, in_steps: bool = True) -> dict[str, dict[str, dict[str, Any]]]:
    """What the records of each collection look like to somebody who knows the log alone.

    `in_steps`: each update says what was there before it, as the event before it has left it.
    """
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for event in events:
        table = tables.setdefault(event.collection, {})
        if event.action == "truncate":
            table.clear()
        elif event.action == "delete":
            del table[event.record_id]
        else:
            before = table.get(event.record_id)
            assert (before is None) == (event.action == "create"), event
            after = msgspec.json.decode(event.record)
            if before is not None and in_steps:
                assert {**after, **msgspec.json.decode(event.previous)} == before
            table[event.record_id] = after
    return tables


@asynccontextmanager
async def opened(dsn: str, *, size: int = 4) -> AsyncGenerator[Log]:
    """The log of a database with the system schema. Nothing is relayed yet."""
    pool = Pool(dsn, size=size, settings=session_settings(Settings()))
    connection = await asyncpg.connect(dsn)
    log = Log(dsn, pool, connection)
    try:
        yield log
    finally:
        await log.stop()
        await connection.close()
        await pool.close()


async def make_notes(connection: Connection) -> None:
    """The table of NOTES, captured."""
    await connection.execute(
        "CREATE TABLE public.notes (id text PRIMARY KEY, title text NOT NULL DEFAULT '',"
        " count bigint NOT NULL DEFAULT 0, secret text NOT NULL DEFAULT '')"
    )
    await connection.execute(inline(capture.create(NOTES)))
