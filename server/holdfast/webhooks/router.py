"""Events become deliveries: one for each endpoint that gets one, written together with the place in the log.

Any process may do it: the row of the cursor is locked by the one that does, and what it writes and the new place are
one transaction. So no event is routed twice, none is passed over, and a crash anywhere leaves nothing half done.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import asyncpg
import structlog

from holdfast.db.failures import end_if_cancelled
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, bind, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.events.event import Event
from holdfast.events.position import Position, PositionLost
from holdfast.webhooks import store
from holdfast.webhooks.selecting import select

MOST_AT_ONCE: Final = 1000  # events
WAIT_SECONDS: Final = 2.0  # for news, before the log is looked at all the same
PAUSED_SECONDS: Final = 10.0  # PostgreSQL takes its place from a process that is stopped in the middle for longer
SILENT_SECONDS: Final = 2.0  # without a statement there, before one says that this process is not stopped
TAKEN_SECONDS: Final = 0.5  # before it is tried again when another process routes
AWAY_SECONDS: Final = 1.0
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_PLACE: Final = Statement.of(
    # Where the log stood when there was no endpoint, as one snapshot: an event after the next endpoint is after that.
    raw("SELECT set_config('idle_in_transaction_session_timeout', ")
    + bind(lambda _: str(round(PAUSED_SECONDS * 1000)), "text")
    + raw(", true), place.epoch, place.seq, EXISTS (SELECT FROM holdfast.webhooks) AS asked,")
    + raw(" stream.epoch AS newest_epoch, stream.seq AS newest, stream.oldest FROM holdfast.webhook_cursor AS place")
    + raw(" CROSS JOIN holdfast.stream FOR UPDATE OF place SKIP LOCKED")
)
_STILL_THERE: Final = Statement.of(raw("SELECT 1"))
_BEGIN: Final = Statement.of(
    raw("INSERT INTO holdfast.webhook_cursor (epoch, seq) SELECT epoch, oldest - 1 FROM holdfast.stream")
    + raw(" ON CONFLICT DO NOTHING")
)
_MOVE: Final = Statement.of(
    raw("UPDATE holdfast.webhook_cursor SET epoch = ")
    + named("epoch", "text")
    + raw(", seq = ")
    + named("seq", "bigint")
)
_QUEUE: Final = Statement.of(
    raw("INSERT INTO holdfast.deliveries (webhook_id, replay, seq, event_id, type, subject) SELECT ")
    + named("webhook", "text")
    + raw(", ")
    + named("replay", "boolean")
    + raw(", * FROM unnest(")
    + named("seqs", "bigint[]")
    + raw(", ")
    + named("ids", "text[]")
    + raw(", ")
    + named("types", "text[]")
    + raw(", ")
    + named("subjects", "text[]")
    + raw(")")
)
_log: Final = structlog.get_logger("holdfast.webhooks")


class Router:
    """Routes whenever no other process does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._place = Position("", 0)
        self._away = False

    async def run(self) -> None:
        """Route until cancelled."""
        while True:
            try:
                moved = await self.turn()
                self._away = False
            except _FAILURES as failure:
                end_if_cancelled()
                if not self._away:
                    _log.warning("no events are routed while the database is away", reason=str(failure))
                self._away, moved = True, None
                await asyncio.sleep(AWAY_SECONDS)
            except Exception as failure:  # the cursor has not moved: the next try sees the same events
                _log.error("routing events to webhooks failed", exc_info=failure)
                moved = None
                await asyncio.sleep(AWAY_SECONDS)
            if moved is None:
                await asyncio.sleep(TAKEN_SECONDS)
            elif not moved:
                await self._engine.feed.wait(self._place, WAIT_SECONDS)

    async def turn(self) -> int | None:
        """Route what there is, at most MOST_AT_ONCE events; how many, or None if another process routes."""
        async with self._engine.pool.transaction() as tx:
            row = await tx.fetchrow(_PLACE)
            if row is None:
                await tx.execute(_BEGIN)
                return None
            self._place = Position(row["epoch"], row["seq"])
            newest = Position(row["newest_epoch"], row["newest"])
            if not row["asked"]:
                if newest.epoch != self._place.epoch or newest.seq > self._place.seq:
                    await self._move(tx, newest)
                return 0
            try:
                events = await self._engine.feed.read(self._place, MOST_AT_ONCE)
            except PositionLost:
                await self._recover(tx, newest, row["oldest"])
                return 0
            if events:
                await self._route(tx, events)
                await self._move(tx, Position(self._place.epoch, events[-1].seq))
            return len(events)

    async def _recover(self, tx: Transaction, newest: Position, oldest: int) -> None:
        """Go on with what is still kept; after a restore with what is new, for who knows what was sent already."""
        if newest.epoch == self._place.epoch and oldest > self._place.seq:
            _log.error("events were lost to webhooks: the log was kept for too short a time", after=str(self._place))
            await self._move(tx, Position(newest.epoch, oldest - 1))
        else:
            _log.error("the log was restored: webhooks go on with what is new", after=str(self._place))
            await self._move(tx, newest)

    async def _route(self, tx: Transaction, events: Sequence[Event]) -> None:
        said = time.monotonic()
        for row in await store.all_rows(self._engine.pool):
            endpoint = store.endpoint_of(self._engine, row)
            wanted = await select(self._engine, endpoint, row["created"], events)
            if wanted:
                await queue_events(tx, endpoint.id, wanted)
            elif time.monotonic() - said > SILENT_SECONDS:
                await tx.execute(_STILL_THERE)
            else:
                continue
            said = time.monotonic()

    async def _move(self, tx: Transaction, place: Position) -> None:
        self._place = place
        await tx.execute(_MOVE, Inputs(named={"epoch": place.epoch, "seq": place.seq}))


async def queue_events(tx: Transaction, webhook_id: str, events: Sequence[Event], *, replay: bool = False) -> None:
    """Have events delivered to an endpoint; `replay`: they were, or could have been, before."""
    columns = {
        "webhook": webhook_id,
        "replay": replay,
        "seqs": [event.seq for event in events],
        "ids": [event.id for event in events],
        "types": [event.type for event in events],
        "subjects": [f"{event.collection_id}/{event.record_id}" if event.record_id else "" for event in events],
    }
    await tx.execute(_QUEUE, Inputs(named=columns))
