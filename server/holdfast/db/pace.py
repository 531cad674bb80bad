"""How fast this PostgreSQL writes and reads rows: measured once by a process, on rows that are taken away again."""

import asyncio
import secrets
import time
from typing import Final

import msgspec

from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, qualified, raw, value

ROWS: Final = 20_000  # some megabytes: enough to outweigh the way to the database, done in well under a second


class Rates(msgspec.Struct, frozen=True):
    """Seconds for one unit of work: a byte of a table that is read or written anew, a row that is converted, changed,
    put into an index, or looked up in another table."""

    read: float
    write: float
    convert: float
    change: float
    index: float
    look: float


class Pace:
    """The rates of the database that a process works with. They are measured when they are first asked for."""

    def __init__(self) -> None:
        self._rates: Rates | None = None
        self._lock = asyncio.Lock()

    async def rates(self, tx: Transaction) -> Rates:
        """The rates; whoever asks while they are measured waits for the same ones."""
        async with self._lock:
            if self._rates is None:
                self._rates = await _measure(tx)
            return self._rates


class _Undone(Exception):
    """Takes back what was measured on."""


async def _measure(tx: Transaction) -> Rates:
    found: list[Rates] = []
    try:
        async with tx.savepoint():
            found.append(await _rates(tx))
            raise _Undone
    except _Undone:
        return found[0]


async def _rates(tx: Transaction) -> Rates:
    """Measure on a table like those of collections; written ahead as they are, so it is no temporary one."""
    label = f"pace_{secrets.token_hex(8)}"
    table = qualified("holdfast", label)
    for step in _filled(table):
        await tx.execute(step)
    row = await tx.fetchrow(
        raw("SELECT pg_table_size(oid) FROM pg_catalog.pg_class WHERE relname = ") + value(label, "name")
    )
    size = max(1, row[0] if row is not None else 1)
    # Twice, and the better one: whatever else keeps the machine busy only ever adds to what the work takes.
    rounds = [[await _seconds(tx, step) for step in _work(table, kind)] for kind in (raw("numeric"), raw("float8"))]
    read, convert, look, write, index, change = map(min, *rounds)
    return Rates(
        read=read / size,
        write=max(write - index, write / 2) / size,  # its key is built anew, too
        convert=max(convert - read, 0) / ROWS,
        change=change / ROWS,
        index=index / ROWS,
        look=max(look - read, 0) / ROWS,
    )


def _filled(table: Sql) -> tuple[Sql, ...]:
    columns = raw(" (id text PRIMARY KEY, words text NOT NULL, n double precision NOT NULL)")
    rows = raw(" SELECT md5(i::text), i || repeat(' abcdefghi', 15), i FROM generate_series(1, ")
    count = value(ROWS, "integer") + raw(") AS made (i)")
    return (raw("CREATE TABLE ") + table + columns, raw("INSERT INTO ") + table + rows + count)


def _work(table: Sql, kind: Sql) -> tuple[Sql, ...]:
    """What is timed, in the order in which `_rates` reads the times. `kind` is another type than the number has."""
    return (
        raw("SELECT count(*) FROM ") + table + raw(" WHERE words = ''"),
        raw("SELECT count(holdfast.try_number(n::text)) FROM ") + table,
        raw("SELECT count(*) FROM ") + table + raw(" AS one JOIN ") + table + raw(" AS other ON other.id = one.id"),
        raw("ALTER TABLE ") + table + raw(" ALTER COLUMN n TYPE ") + kind,
        raw("CREATE INDEX ON ") + table + raw(" (words)"),
        raw("UPDATE ") + table + raw(" SET n = n + 1"),
    )


async def _seconds(tx: Transaction, step: Sql) -> float:
    began = time.perf_counter()
    await tx.execute(step)
    return time.perf_counter() - began
