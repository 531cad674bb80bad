"""What the records that are there get in a new field, where a change says so (`fill`)."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import asyncpg

from holdfast.collections import convert, tables
from holdfast.collections.diff import Changes, TableChange
from holdfast.collections.mishap import FILL, Places, unfit_fill
from holdfast.collections.step import Step
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, Statement, name, raw
from holdfast.errors import ApiError, Problem, Problems, ValidationFailed
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.json import JsonField

if TYPE_CHECKING:  # imports sqlglot, which costs 40 MB
    from holdfast.collections.fill_syntax import FillQuery

FillKey = tuple[str, str]
"""The ids of a collection and of a field."""

MAX_CHARS: Final = 10_000
_NOT_FILLED: Final = ("password", "file")
_MADE: Final = JsonField(id="value", name="value", nullable=False)


async def fill_steps(
    tx: Transaction, changes: Changes, fills: Mapping[FillKey, str], places: Places
) -> dict[FillKey, Step]:
    """The step that fills each new field of a table that is there already; a fill of another field does nothing.

    Raises ValidationFailed for what no field can be filled with.
    """
    wanted = [
        (change, field, fills[change.new.id, field.id])
        for change in changes.altered
        for field in change.added
        if (change.new.id, field.id) in fills
    ]
    if not wanted:
        return {}
    await asyncio.to_thread(import_module, "sqlglot.optimizer.qualify")  # a second, once: others are served meanwhile
    found: dict[FillKey, Step] = {}
    for change, field, expression in wanted:
        found[change.new.id, field.id] = await _step(tx, changes, change, field, expression, places)
    return found


async def _step(
    tx: Transaction, changes: Changes, change: TableChange, field: Field, expression: str, places: Places
) -> Step:
    from holdfast.collections.fill_syntax import read_fill  # imports sqlglot
    from holdfast.collections.view_syntax import InvalidView

    where = ("fields", str(change.new.fields.index(field)), "fill")
    if field.type in _NOT_FILLED:
        raise _refused(change.new, where, f"A field of the type {field.type} cannot be filled.", places)
    readable = {one.name: one for one in changes.new.collections if not one.is_view}
    try:
        fill = read_fill(expression, change.new, readable)
    except InvalidView as failure:
        raise _refused(change.new, where, str(failure), places) from failure
    source, given = _source(change.new, fill)
    problem = await _trouble(tx, fill, convert.converted(source, field, given), readable)
    if problem:
        raise _refused(change.new, where, problem, places)
    target = changes.new.target(field).name if convert.points_elsewhere(source, field) else None
    return Step(
        collection=change.old.name,
        action="fill_field",
        sql=_update(change.new, field, convert.kept(source, field, given, target), fill),
        locks="access exclusive",
        writes=tables.count(change.old),
        source=change.new.id,
        where=where,
        field=field.name,
    )


def _refused(collection: Collection, where: Sequence[str], message: str, places: Places) -> ApiError:
    return ValidationFailed(places.problem(collection.id, where, Problem(FILL, message)))


def _source(collection: Collection, fill: "FillQuery") -> tuple[Field, Sql]:
    """What is converted, and where it stands: a field as it is, else the JSON of whatever the expression gives."""
    given = raw("made.value")
    if fill.field:
        return collection.by_name[fill.field], given
    return _MADE, raw("to_jsonb(") + given + raw(")")


async def _trouble(tx: Transaction, fill: "FillQuery", value: Sql, collections: Mapping[str, Collection]) -> str:
    """What PostgreSQL has against the expression, looked up on empty copies of the tables that it reads; else empty."""
    shadow = tx.connection.transaction()
    await shadow.start()
    try:
        for table in sorted(fill.query.tables):
            await tx.execute(tables.shadow(collections[table]))
        select = raw("SELECT ") + value + raw(" FROM (") + fill.query.select("pg_temp") + raw(") AS made")
        await tx.connection.prepare(Statement.of(select).text)
    except asyncpg.PostgresError as failure:
        unfit = unfit_fill(failure)
        if not unfit:
            raise
        return unfit
    finally:
        await shadow.rollback()
    return ""


def _update(collection: Collection, field: Field, value: Sql, fill: "FillQuery") -> Sql:
    return (
        raw("UPDATE ")
        + tables.table(collection)
        + raw(" AS source SET ")
        + name(field.name)
        + raw(" = ")
        + value
        + raw(" FROM (")
        + fill.query.select()
        + raw(") AS made WHERE source.id = made.id AND made.value IS NOT NULL")
    )


def given_fills(given: Mapping[str, Any], collection: Collection, path: Sequence[str] = ()) -> dict[FillKey, str]:
    """The fills of one collection of a request. `path` leads to it. Raises ValidationFailed for what is none."""
    found: dict[FillKey, str] = {}
    for place, item in enumerate(cast(list[Mapping[str, Any]], given.get("fields") or [])):
        fill = item.get("fill")
        field = collection.by_name.get(str(item.get("name", "")))
        if fill is None or fill == "" or field is None:
            continue
        if not isinstance(fill, str) or len(fill) > MAX_CHARS or "\0" in fill:
            message = f"Must be a string of at most {MAX_CHARS} characters: an SQL expression, as in a view."
            raise ValidationFailed(_at((*path, "fields", str(place), "fill"), Problem(FILL, message)))
        found[collection.id, field.id] = fill
    return found


def _at(path: Sequence[str], problem: Problem) -> Problems:
    first, *others = path
    return {first: _at(others, problem) if others else problem}
