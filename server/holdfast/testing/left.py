"""What is left in the log: events, read as the test asks for them."""

from typing import Final

import msgspec

from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine
from holdfast.events.epoch import settle_epoch
from holdfast.events.event import Event
from holdfast.events.months import make_months
from holdfast.events.partitions import make_partitions
from holdfast.events.position import Position, PositionLost
from holdfast.events.relay import relay_once
from holdfast.hook_arguments import RecordEvent
from holdfast.plugins.following import told

_OLDEST: Final = Statement.of(raw("SELECT epoch, oldest FROM holdfast.stream"))


class Left:
    """Reads the log from where it was read last. What waits for its number gets it then."""

    def __init__(self, engine: Engine, after: Position) -> None:
        self._engine = engine
        self._after = after

    @classmethod
    async def begin(cls, engine: Engine) -> "Left":
        """At the beginning of the log."""
        connection = await engine.pool.acquire()
        try:
            epoch = await settle_epoch(connection)
        finally:
            engine.pool.release(connection)
        return cls(engine, Position(epoch, 0))

    async def take(self) -> list[RecordEvent]:
        """All events since the last time."""
        await self._relay()
        found: list[RecordEvent] = []
        while page := await self._read():
            found += [told(event) for event in page]
            self._after = msgspec.structs.replace(self._after, seq=page[-1].seq)
        return found

    async def _read(self) -> tuple[Event, ...]:
        """The next page. When the clock was moved, the log may not go back as far as where this has come to."""
        try:
            return await self._engine.feed.read(self._after)
        except PositionLost:
            row = await self._engine.pool.fetchrow(_OLDEST)
            self._after = Position(row["epoch"], row["oldest"] - 1) if row is not None else self._after
            return await self._engine.feed.read(self._after)

    async def _relay(self) -> None:
        connection = await self._engine.pool.acquire()
        try:
            await make_partitions(connection)
            await make_months(connection)
            while (await relay_once(connection, 0))[1]:
                pass
        finally:
            self._engine.pool.release(connection)
