"""The log as its consumers read it: in order, without gaps, from any position that is still kept."""

import asyncio
from contextlib import suppress
from typing import Final

import asyncpg
import structlog

from holdfast.db.failures import as_api_errors, end_if_cancelled
from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.errors import Unavailable
from holdfast.events.event import Event, read_event
from holdfast.events.position import Position, PositionLost, read_position

CHANNEL: Final = "holdfast_events"  # NOTIFY with the newest position, after events have got their numbers
POLL_SECONDS: Final = 1.0  # a NOTIFY can be lost with its connection
ANSWER_SECONDS: Final = 3.0
RETRY_SECONDS: Final = 0.5
MOST_AT_ONCE: Final = 1000  # events of one read

_POSITION: Final = Statement.of(raw("SELECT epoch, seq FROM holdfast.stream"))
_READ: Final = Statement.of(
    raw(
        "SELECT stream.epoch, stream.seq AS newest, stream.oldest, found.* FROM holdfast.stream LEFT JOIN LATERAL"
        " (SELECT event.seq, event.id, event.type, event.collection_id, event.collection, event.record_id,"
        " event.record, event.previous, event.context, event.whole, holdfast.stamp(event.at) AS timestamp"
        " FROM holdfast.events AS event WHERE event.seq > "
    )
    + named("after", "bigint")
    + raw(" ORDER BY event.seq LIMIT ")
    + named("limit", "bigint")
    + raw(") AS found ON true ORDER BY found.seq")
)
_log: Final = structlog.get_logger("holdfast.events")


class Feed:
    """The log of one database, for all consumers of a process. `follow` is run as a task while they wait."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._newest: Position | None = None
        self._moved = asyncio.Event()

    @property
    def newest(self) -> Position | None:
        """The newest position that this process has heard of, at no cost; None before the first.

        What is read of the records afterwards holds every change up to there.
        """
        return self._newest

    async def position(self) -> Position:
        """After the newest event: whatever is read from there happened later, or was committed later.

        Raises Unavailable when the database is away.
        """
        with as_api_errors():
            row = await self._pool.fetchrow(_POSITION)
        if row is None:
            raise RuntimeError("holdfast.stream has no row: the system schema is damaged")
        self._tell(Position(row["epoch"], row["seq"]))
        return Position(row["epoch"], row["seq"])

    async def read(self, after: Position, limit: int = MOST_AT_ONCE) -> tuple[Event, ...]:
        """The events that follow, in the order of `seq`, which has no gaps; at most `limit`.

        Raises PositionLost when the log cannot be read from there, and Unavailable when the database is away.
        """
        inputs = Inputs(named={"after": after.seq, "limit": min(limit, MOST_AT_ONCE)})
        with as_api_errors():
            rows = await self._pool.fetch(_READ, inputs)
        if not rows:
            raise RuntimeError("holdfast.stream has no row: the system schema is damaged")
        first = rows[0]
        if first["epoch"] != after.epoch or not first["oldest"] - 1 <= after.seq <= first["newest"]:
            raise PositionLost(after)
        return tuple(read_event(dict(row.items())) for row in rows if row["seq"] is not None)

    async def wait(self, after: Position, seconds: float) -> bool:
        """Wait until there is something after a position, or another epoch; False when the time is over.

        It costs no query: all who wait share what `follow` hears.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._newest is None or not _is_news(self._newest, after):
                    await self._moved.wait()
                return True
        return False

    async def follow(self) -> None:
        """Hear of new events until cancelled. Lost connections are made anew."""
        while True:
            try:
                await self._follow_once()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, Unavailable) as failure:
                end_if_cancelled()
                _log.warning("following the events was interrupted", reason=str(failure))
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow_once(self) -> None:
        connection = await self._pool.connect()
        ended = asyncio.Event()

        def told(_: object, __: object, ___: object, payload: object) -> None:
            position = read_position(str(payload))
            if position is not None:
                self._tell(position)

        connection.add_termination_listener(lambda _: ended.set())
        try:
            await connection.add_listener(CHANNEL, told)
            while not ended.is_set():
                async with asyncio.timeout(ANSWER_SECONDS):
                    row = await connection.fetchrow(_POSITION.text)
                if row is not None:
                    self._tell(Position(row["epoch"], row["seq"]))
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await ended.wait()
        finally:
            connection.terminate()  # a close would wait for an answer that may never come

    def _tell(self, position: Position) -> None:
        if self._newest is not None and not _is_news(position, self._newest):
            return
        self._newest = position
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _is_news(position: Position, than: Position) -> bool:
    return position.epoch != than.epoch or position.seq > than.seq
