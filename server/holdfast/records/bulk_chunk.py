"""Some of the records of a large change are written, in one transaction: each is done, skipped or has failed."""

from typing import Final

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import api_error
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, join, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError, BadRequest, NotFound, Problem
from holdfast.records.bulk import Change, compile_write, goes_one_by_one, ids_of, refusals, table_of, write_of
from holdfast.records.bulk_store import Tally
from holdfast.records.list import BASE, Rows
from holdfast.records.write_service import delete, update

_CHUNK: Final = "chunk"
_OF_CHUNK: Final = BASE + raw('."id" = ANY (') + named(_CHUNK, "text[]") + raw(")")
_RETURNING: Final = raw(" RETURNING ") + BASE + raw('."id"')
_DATA: Final = ("22", "23", "54")  # classes of SQLSTATE that are about what is written, and not about the moment
GONE: Final = Problem("not_found", "It was there no more.")
OTHER: Final = Problem("no_longer_matches", "The filter does not find it any more.")
_log: Final = structlog.get_logger("holdfast.records")


class Chunk:
    """Some records of a change."""

    def __init__(self, engine: Engine, tx: Transaction, change: Change) -> None:
        self._engine = engine
        self._tx = tx
        self._change = change
        self.tally = Tally()

    async def write(self, ids: list[str]) -> None:
        """Write those that are still meant. Raises what is the fault of the moment, and of no record."""
        if goes_one_by_one(self._engine, self._change):
            await self._one_by_one(ids)
        else:
            await self._together(ids)

    async def _together(self, ids: list[str]) -> None:
        """All in one statement; if that is refused, by halves, until it is known which record is in the way."""
        statement, inputs = await compile_write(self._narrowed(ids), _RETURNING)
        refused: ApiError | None = None
        written: set[str] = set()
        try:
            async with self._tx.savepoint():
                with refusals(self._change, inputs):
                    written = {row["id"] for row in await self._tx.fetch(statement, inputs)}
        except ApiError as failure:
            refused = failure
        except asyncpg.PostgresError as failure:
            if (failure.sqlstate or "")[:2] not in _DATA:
                raise
            refused = api_error(failure) or BadRequest("The record cannot be written.")
        if refused is None:
            self.tally.done += len(written)
            await self._skip([id for id in ids if id not in written])
        elif len(ids) == 1:
            self._fail(ids[0], refused)
        else:
            middle = len(ids) // 2
            await self._together(ids[:middle])
            await self._together(ids[middle:])

    async def _one_by_one(self, ids: list[str]) -> None:
        narrowed = self._narrowed(ids)
        rows = await self._tx.fetch(Statement.of(ids_of(narrowed.rows)), narrowed.inputs)
        meant = {row["id"] for row in rows}
        await self._skip([id for id in ids if id not in meant])
        for id in ids:
            if id in meant:
                await self._one(id)

    async def _one(self, id: str) -> None:
        change = self._change
        write = msgspec.structs.replace(write_of(change, change.asked.settings or {}), id=id)
        try:
            async with self._tx.savepoint():
                if change.asked.settings is None:
                    await delete(self._engine, write, self._tx)
                else:
                    await update(self._engine, write, self._tx)
        except NotFound:
            self.tally.skip([id], GONE.code, GONE.message)
        except ApiError as refusal:
            if refusal.status > 500:  # the database is away; a fault of a plugin (500) is about this record
                raise
            self._fail(id, refusal)
        else:
            self.tally.done += 1

    async def _skip(self, ids: list[str]) -> None:
        """Count records that were not written though nothing was wrong with them."""
        if not ids:
            return
        there = raw('SELECT "id" FROM ') + table_of(self._change.collection) + raw(" WHERE ") + _OF_CHUNK
        rows = await self._tx.fetch(Statement.of(there), Inputs(named={_CHUNK: ids}))
        found = {row["id"] for row in rows}
        self.tally.skip([id for id in ids if id not in found], GONE.code, GONE.message)
        self.tally.skip([id for id in ids if id in found], OTHER.code, OTHER.message)

    def _fail(self, id: str, refusal: ApiError) -> None:
        self.tally.fail(id, refusal)
        if refusal.status >= 500:
            collection, request = self._change.collection.name, self._change.facts.request_id
            told = {"collection": collection, "id": id, "request_id": request}
            _log.error("a record of a large change could not be written", **told, exc_info=refusal)

    def _narrowed(self, ids: list[str]) -> Change:
        return narrowed(self._change, ids)


def narrowed(change: Change, ids: list[str]) -> Change:
    """The change of these records alone, as far as they are still meant."""
    rows, inputs = change.rows, change.inputs
    condition = join(" AND ", [part for part in (_OF_CHUNK, rows.condition) if part])
    narrower = Inputs(inputs.literals, {**inputs.named, _CHUNK: ids})
    return msgspec.structs.replace(change, rows=Rows(rows.source, condition), inputs=narrower)
