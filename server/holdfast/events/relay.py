"""The relay: gives events their numbers, as the one process of all that leads.

Triggers write into the outbox as transactions happen to run; a row is seen when its transaction commits. The relay
takes out what it sees, in the order of the outbox, and puts it into the log under the next numbers, in one statement.
So the order of `seq` is the order in which events can be seen, and an open transaction holds back only its own.
"""

import asyncio
import time
from typing import Final

import asyncpg
import structlog

from holdfast.db.failures import end_if_cancelled
from holdfast.db.leader import leadership
from holdfast.db.pool import Connection, Pool
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.errors import ApiError
from holdfast.events.epoch import settle_epoch
from holdfast.events.feed import CHANNEL
from holdfast.events.floor import Floor
from holdfast.events.months import make_months
from holdfast.events.partitions import drop_old_partitions, make_partitions
from holdfast.events.position import Position

LOCK: Final = (0x48460000, 10)  # "HF", advisory lock of the connection that relays
MOST_AT_ONCE: Final = 1000  # events of one statement
MOST_BYTES: Final = 65536  # of a record in the log; of a larger one it has the id alone
BUSY_SECONDS: Final = 0.04  # between two looks into the outbox
IDLE_SECONDS: Final = 0.1
ELECTION_SECONDS: Final = 1.0  # between two looks whether somebody leads
AWAY_SECONDS: Final = 0.5  # between two tries while the database is away
STATEMENT_SECONDS: Final = 30
CARE_SECONDS: Final = 600.0  # between two looks at the partitions
VACUUM_EVENTS: Final = 20_000  # so the outbox stays in a few MB; autovacuum would let it grow for a minute
NOTIFY_SECONDS: Final = 0.05  # a NOTIFY makes commits wait for each other, so there are few
_FAILURES: Final = (ApiError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

_LED: Final = Statement.of(
    raw("SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM")
    + raw(" pg_catalog.pg_database WHERE datname = current_database()) AND classid = ")
    + value(LOCK[0], "oid")
    + raw(" AND objid = ")
    + value(LOCK[1], "oid")
    + raw(" AND objsubid = 2) AS led")
)
_RELAY: Final = Statement.of(
    # By their place in the table: to find them by their id a second time would take as long as all the rest.
    raw("WITH taken AS (DELETE FROM holdfast.outbox AS o WHERE o.ctid = ANY (ARRAY(")
    + raw("SELECT ctid FROM holdfast.outbox WHERE id > ")
    + named("floor", "bigint")
    + raw(" ORDER BY id LIMIT ")
    + value(MOST_AT_ONCE, "bigint")
    + raw(")) RETURNING o.*")
    + raw("), counted AS (SELECT count(*) AS events FROM taken")
    + raw("), moved AS (UPDATE holdfast.stream SET seq = seq + events FROM counted WHERE events > 0")
    + raw(" RETURNING epoch, seq, events")
    + raw("), sized AS (SELECT taken.*, moved.epoch,")
    + raw(" moved.seq - moved.events + row_number() OVER (ORDER BY id) AS seq,")
    + raw(" greatest(octet_length(record), octet_length(previous), 0) <= ")
    + value(MOST_BYTES, "integer")
    + raw(" AS whole FROM taken CROSS JOIN moved")
    + raw("), kept AS (INSERT INTO holdfast.events (seq, relayed, id, at, type, collection_id, collection, record_id,")
    # gen_random_uuid() takes 9 us where PostgreSQL is built without OpenSSL; this is as unique.
    + raw(" record, previous, context, whole) SELECT s.seq, now(), md5(concat_ws('/', s.epoch, s.seq, s.at))::uuid,")
    + raw(" s.at, s.type, s.collection_id, s.collection, s.record_id,")
    + raw(" CASE WHEN s.whole THEN s.record ELSE '{\"id\":' || to_json(s.record_id) || '}' END,")
    + raw(" CASE WHEN s.whole THEN s.previous WHEN s.previous IS NOT NULL THEN (SELECT '{' ||")
    + raw(" coalesce(string_agg(to_json(key) || ':null', ','), '') || '}'")
    + raw(" FROM jsonb_object_keys(CASE WHEN left(s.previous, 1) = '{' THEN holdfast.try_json(s.previous) END) AS key)")
    + raw(" END,")
    + raw(" s.context, s.whole FROM sized AS s")
    # Versions of records, whole however large. Where no collection keeps a history this finds an empty table.
    + raw("), remembered AS (INSERT INTO holdfast.history (seq, at, collection_id, record_id, shape, action, record,")
    + raw(" previous, context) SELECT s.seq, s.at, s.collection_id, coalesce(s.record_id, ''), shape.id,")
    + raw(" split_part(s.type, '.', 2), holdfast.try_json(s.record), holdfast.try_json(s.previous), s.context")
    + raw(" FROM sized AS s JOIN holdfast.history_shapes AS shape ON shape.collection_id = s.collection_id")
    + raw(" AND s.id > shape.first AND (shape.last IS NULL OR s.id < shape.last)")
    + raw(" WHERE split_part(s.type, '.', 2) IN ('created', 'updated', 'deleted', 'truncated') ORDER BY s.seq)")
    + raw(" SELECT epoch, seq, events FROM moved")
)
_log: Final = structlog.get_logger("holdfast.events")


class Relay:
    """Relays whenever no other process does. The log keeps events for `days`."""

    def __init__(self, pool: Pool, *, days: int) -> None:
        self._pool = pool
        self._days = days
        self._away = False

    async def run(self) -> None:
        """Lead, or wait to lead, until cancelled."""
        while True:
            try:
                if not await self._is_led():
                    await self._lead()
            except _FAILURES as failure:
                end_if_cancelled()
                if not self._away:
                    _log.warning("no events are relayed while the database is away", reason=str(failure))
                self._away = True
                await asyncio.sleep(AWAY_SECONDS)
            else:
                await asyncio.sleep(ELECTION_SECONDS)

    async def _is_led(self) -> bool:
        row = await self._pool.fetchrow(_LED)
        return row is not None and bool(row["led"])

    async def _lead(self) -> None:
        """Relay until the connection ends; return at once if another has been faster."""
        async with leadership(self._pool, LOCK) as connection:
            if connection is None:
                return
            await connection.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
            epoch = await settle_epoch(connection)
            _log.info("this process relays the events", epoch=epoch)
            self._away = False
            await _Leader(connection, self._days).run()


async def relay_once(connection: Connection, floor: int) -> tuple[Position | None, int]:
    """Give numbers to what is in the outbox above `floor`, at most MOST_AT_ONCE; the newest number, and how many.

    One statement: it is done or not, whenever the connection ends. Two that run at once take different rows.
    """
    row = await connection.fetchrow(_RELAY.text, *_RELAY.args(Inputs(named={"floor": floor})))
    return (None, 0) if row is None else (Position(row["epoch"], row["seq"]), row["events"])


class _Leader:
    """The loop of the process that leads, on its connection."""

    def __init__(self, connection: Connection, days: int) -> None:
        self._connection = connection
        self._days = days
        self._floor = Floor()
        self._cared = -CARE_SECONDS
        self._told = 0.0
        self._gone = 0
        self._untold: Position | None = None

    async def run(self) -> None:
        while True:
            await self._care()
            moved = await self._relay()
            await self._tell()
            await self._clear(moved)
            if moved < MOST_AT_ONCE:
                await self._floor.drained(self._connection)
                await asyncio.sleep(BUSY_SECONDS if moved else IDLE_SECONDS)

    async def _care(self) -> None:
        if time.monotonic() - self._cared < CARE_SECONDS:
            return
        await self._make_partitions()
        await drop_old_partitions(self._connection, self._days)
        self._cared = time.monotonic()

    async def _make_partitions(self) -> None:
        await make_partitions(self._connection)
        await make_months(self._connection)

    async def _relay(self) -> int:
        """Move what there is, at most MOST_AT_ONCE; says how much that was."""
        try:
            position, moved = await relay_once(self._connection, self._floor.id)
        except asyncpg.CheckViolationError:  # no partition is for today: the clock has jumped, or care was not taken
            await self._make_partitions()
            return MOST_AT_ONCE
        self._untold = position or self._untold
        return moved

    async def _clear(self, moved: int) -> None:
        """Let the outbox use again the place of what was taken out. Nobody waits for that, least of all writers."""
        self._gone += moved
        if self._gone >= VACUUM_EVENTS:
            self._gone = 0
            await self._connection.execute("VACUUM (TRUNCATE OFF) holdfast.outbox")

    async def _tell(self) -> None:
        """Wake those who wait. It is a transaction of its own, after that of the events, so no writer waits for it."""
        now = time.monotonic()
        if self._untold is not None and now - self._told >= NOTIFY_SECONDS:
            await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(self._untold))
            self._untold, self._told = None, now
