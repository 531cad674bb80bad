"""What subscribers may see of changed records, as one statement for many of them. Pure.

The rules and the filter are those of a read over HTTP, compiled by the same code; only whatever differs between two
callers stands in columns here, where a request has parameters.
"""

from typing import Final, Literal

import msgspec

from holdfast.catalog.scope import Scope
from holdfast.db.plans import Plans
from holdfast.db.sql import EMPTY, Spread, Sql, Statement, name, named, qualified, raw, spread
from holdfast.expressions.read import Reading
from holdfast.expressions.value import ALWAYS
from holdfast.records.document import document, read_shape
from holdfast.records.list import BASE
from holdfast.records.plan import Asked, keep
from holdfast.rules.access import Access, ways_in
from holdfast.rules.scope import holds
from holdfast.rules.sight import sight_of
from holdfast.rules.speaks import own_fields

IDS: Final = "ids"
ROWS: Final = "rows"
ID_ALONE: Final = "collectionId,collectionName,id"
"""The `fields` that are left of a record that was too large for the log."""
_RUN: Final = name("hf run")
_ORDINAL: Final = _RUN + raw(".ordinal")


class Watch(msgspec.Struct, frozen=True):
    """What to look at: the records that a topic is about, and of each what `shape` (`fields`, `expand`) leaves.

    `is_gone`: not the rows as they are now, but as the log has them; of a record that was too large for it (not
    `is_whole`), the id alone.
    """

    action: Literal["list", "view"]
    filter: str
    shape: tuple[str, str]
    is_gone: bool = False
    is_whole: bool = True


class Seeing(msgspec.Struct, frozen=True):
    """A statement that says for each record what is seen of it, and in which runs: `id`, `item`, `seers` (ordinals).

    A record that nobody sees has null for both. `reads` are the parameters that differ between subscribers.
    """

    statement: Statement
    runs: Spread
    spaced: bool


def plan_seeing(plans: Plans, asked: Asked, watch: Watch, reading: Reading | None) -> Seeing | None:
    """The statement for one audience; None where nothing is ever seen.

    Raises InvalidFilter or BadRequest for what cannot be asked of this collection.
    """
    ways = ways_in(asked.catalog, asked.collection, watch.action, asked.who)
    if not ways.is_open or (watch.is_gone and _asks_for_lost(asked, ways, watch)):
        return None
    shape = reading and reading.shape
    key = (
        asked.catalog.version,
        asked.collection.id,
        asked.who,
        "seeing",
        watch.action,
        watch.is_gone,
        watch.shape,
        shape,
    )
    kept = plans.get(key)
    if isinstance(kept, Seeing):
        return kept
    seeing = _compile(asked, ways, watch, reading)
    keep(plans, key, seeing, seeing.statement)
    return seeing


def _asks_for_lost(asked: Asked, ways: Access, watch: Watch) -> bool:
    """Whether it depends on a field that the log does not have: then nobody can say any more who saw the record."""
    spoken = own_fields((*ways.rules, watch.filter) if watch.filter else ways.rules)
    if not watch.is_whole:
        return bool(spoken - {"id"})
    return any(field.hidden and field.name in spoken for field in asked.collection.fields)


def _compile(asked: Asked, ways: Access, watch: Watch, reading: Reading | None) -> Seeing:
    condition = holds(asked.catalog, asked.collection, ways.rules, BASE, asked.who)
    joins = EMPTY
    if reading is not None:
        scope = Scope(asked.catalog, asked.collection, BASE, sight_of(asked.catalog, asked.who))
        found = scope.condition(reading.tree)
        condition = found if condition is ALWAYS else condition + raw(" AND ") + found
        joins = scope.joins()
    seen = document(asked.catalog, asked.who, asked.collection, BASE, read_shape(*watch.shape), ways)
    (where, joined, item), runs = spread((condition, joins, seen.sql), _RUN)
    rows = raw(" FROM ") + runs.source + joined + raw(" WHERE ") + where
    # Where all see the same of a record, it is made once; else once for each, and equal ones are put together.
    told = _alike(rows) if item == seen.sql else _apart(item, rows)
    made = raw("CASE WHEN seen.seers IS NOT NULL THEN ") + item + raw(" END") if item == seen.sql else raw("seen.item")
    sql = raw("SELECT ") + BASE + raw('."id" AS id, ') + made + raw(" AS item, seen.seers FROM ")
    sql += _source(asked, watch) + raw(" LEFT JOIN LATERAL (") + told + raw(") AS seen ON true")
    if not watch.is_gone:
        sql += raw(" WHERE ") + BASE + raw('."id" = ANY(') + named(IDS, "text[]") + raw(")")
    return Seeing(Statement.of(sql), runs, seen.spaced)


def _source(asked: Asked, watch: Watch) -> Sql:
    table = qualified("public", asked.collection.name)
    if not watch.is_gone:
        return table + raw(" AS ") + BASE
    return raw("jsonb_populate_recordset(NULL::") + table + raw(", ") + named(ROWS, "jsonb") + raw(") AS ") + BASE


def _alike(rows: Sql) -> Sql:
    return raw("SELECT array_agg(") + _ORDINAL + raw(") AS seers") + rows


def _apart(item: Sql, rows: Sql) -> Sql:
    each = raw("SELECT ") + item + raw(" AS item, ") + _ORDINAL + raw(" AS ordinal") + rows
    return raw("SELECT told.item, array_agg(told.ordinal) AS seers FROM (") + each + raw(") AS told GROUP BY told.item")
