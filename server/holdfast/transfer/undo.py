"""An import is taken back: what it has made is deleted, what it has changed is put back as it was."""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Sql, Statement, inline, join, literal, name, named, number, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import Conflict
from holdfast.events.context import SETTING, Context, write_context
from holdfast.identity import Principal
from holdfast.records.list import BASE
from holdfast.records.violations import as_refusals
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.transfer import store
from holdfast.transfer.layout import undo_table
from holdfast.transfer.values import NOW_SQL

_KEPT: Final = raw("kept")
_TAKE: Final = Statement.of(
    raw("UPDATE holdfast.imports SET state = 'undone', undo = NULL WHERE id = ")
    + named("id", "text")
    + raw(" AND undo IS NOT NULL RETURNING id")
)


class Undone(msgspec.Struct, frozen=True, rename="camel"):
    """What came of it. Records that somebody has changed since stay as they are now, and are `left`."""

    deleted: int
    restored: int
    left: int


async def undo_import(engine: Engine, who: Principal, context: Context, collection: Collection, id: str) -> Undone:
    """Take an import back, all of it or nothing.

    Raises NotFound, Conflict for one that cannot be undone (any more), BadRequest where a record that it has made is
    needed by another one.
    """
    _, fields = await store.find(engine.pool, collection.id, id)
    columns = _columns(collection, cast("Sequence[Sequence[str]] | None", fields))
    table = undo_table(id)
    async with engine.pool.transaction() as tx:
        told = literal(SETTING) + raw(", ") + named("context", "text") + raw(", true)")
        settings = raw("SELECT set_config('statement_timeout', '0', true), set_config(") + told
        await tx.execute(Statement.of(settings), Inputs(named={"context": write_context(context)}))
        if await tx.fetchrow(_TAKE, Inputs(named={"id": id})) is None:
            raise Conflict("The import was undone already.")
        everything = await _count(tx, raw("SELECT count(*) AS rows FROM ") + table)
        with as_refusals(engine.catalog, collection, who, "delete"):
            deleted = await _done(tx, _delete(collection, table))
        with as_refusals(engine.catalog, collection, who, "write"):
            restored = await _done(tx, _restore(collection, table, columns)) if columns else 0
        await tx.connection.execute(inline(raw("DROP TABLE ") + table))
    return Undone(deleted, restored, everything - deleted - restored)


def _columns(collection: Collection, kept: Sequence[Sequence[str]] | None) -> list[tuple[int, Field]]:
    """The fields to put back, with their places. Raises Conflict if one of them means something else by now."""
    if kept is None:
        raise Conflict("Nothing can be undone: the import has written nothing, was undone already, or is too old.")
    found: list[tuple[int, Field]] = []
    for place, (field_id, cast_) in enumerate(kept, start=1):
        field = collection.by_id.get(field_id)
        if field is not None and field.cast != cast_:
            raise Conflict(f"The field {field.name} has another type since: the import cannot be undone.")
        if field is not None:
            found.append((place, field))
    return found


def _same(collection: Collection) -> tuple[Sql, Sql]:
    """The records of an import that nobody has changed since, for FROM and WHERE."""
    target = qualified("public", collection.name) + raw(" AS ") + BASE
    where = BASE + raw('."id" = kept.id AND ') + BASE + raw(".xmin::text = kept.version")
    return target, where


def _delete(collection: Collection, table: Sql) -> Sql:
    target, same = _same(collection)
    head = raw("DELETE FROM ") + target + raw(" USING ") + table + raw(" AS ") + _KEPT
    return head + raw(" WHERE kept.old IS NULL AND ") + same


def _restore(collection: Collection, table: Sql, columns: Sequence[tuple[int, Field]]) -> Sql:
    target, same = _same(collection)
    settings = [_set(field, place) for place, field in columns]
    there = {field.name for _, field in columns}
    settings += [
        name(field.name) + raw(" = ") + NOW_SQL
        for field in collection.fields
        if isinstance(field, AutodateField) and field.on_update and field.name not in there
    ]
    head = raw("UPDATE ") + target + raw(" SET ") + join(", ", settings) + raw(" FROM ") + table + raw(" AS ") + _KEPT
    return head + raw(" WHERE kept.old IS NOT NULL AND ") + same


def _set(field: Field, place: int) -> Sql:
    if isinstance(field, AutodateField) and field.on_update:
        return name(field.name) + raw(" = ") + NOW_SQL  # to undo is a change, too
    old = raw("kept.old[") + number(place) + raw("]::") + raw(field.cast)
    return name(field.name) + raw(" = ") + old


async def _done(tx: Transaction, sql: Sql) -> int:
    return int((await tx.execute(Statement.of(sql))).rpartition(" ")[2])


async def _count(tx: Transaction, sql: Sql) -> int:
    row: Any = await tx.fetchrow(sql)
    return int(row["rows"])
