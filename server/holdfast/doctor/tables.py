"""The collections as they are declared, against the tables as they are: somebody may have changed one by hand."""

from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.parts import Part, parts
from holdfast.db.pool import Connection
from holdfast.db.sql import inline
from holdfast.doctor.finding import Finding, broken, ok
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field

ABOUT: Final = "collections"
# Parts that are looked at elsewhere, and those that are no object of PostgreSQL but rows of ours.
_ELSEWHERE: Final = ("capture", "history")
# What PostgreSQL calls the types that a field names by their short name.
_LONG: Final = {"timestamptz": "timestamp with time zone"}

_COLUMNS: Final = """
    SELECT c.relname AS table, c.relkind IN ('v', 'm') AS view, a.attname AS column,
           format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null
      FROM pg_catalog.pg_class AS c
      LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
"""
_PARTS: Final = """
    SELECT t.relname AS table, i.relname AS name, x.indisvalid AS sound
      FROM pg_catalog.pg_index AS x
      JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid
     WHERE t.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT t.relname, k.conname, k.convalidated
      FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid
     WHERE t.relnamespace = 'public'::regnamespace AND k.contype = 'f'
    UNION ALL
    SELECT t.relname, g.tgname, g.tgenabled <> 'D'
      FROM pg_catalog.pg_trigger AS g JOIN pg_catalog.pg_class AS t ON t.oid = g.tgrelid
     WHERE t.relnamespace = 'public'::regnamespace AND NOT g.tgisinternal
    UNION ALL
    SELECT '', f.proname, true FROM pg_catalog.pg_proc AS f WHERE f.pronamespace = 'holdfast'::regnamespace
"""


class Column(msgspec.Struct, frozen=True):
    """A column as PostgreSQL has it."""

    type: str
    not_null: bool


class Tables(msgspec.Struct, frozen=True):
    """What is there: columns by table, views, and whether each index, foreign key, trigger and function is sound."""

    columns: dict[str, dict[str, Column]]
    views: frozenset[str]
    parts: dict[tuple[str, str], bool]  # by table and name; functions belong to no table


async def ask(connection: Connection) -> Tables:
    """The tables as they are now."""
    columns: dict[str, dict[str, Column]] = {}
    views: set[str] = set()
    for row in await connection.fetch(_COLUMNS):
        of_table = columns.setdefault(row["table"], {})
        if row["view"]:
            views.add(row["table"])
        if row["column"] is not None:
            of_table[row["column"]] = Column(row["type"], row["not_null"])
    found = {(row["table"], row["name"]): bool(row["sound"]) for row in await connection.fetch(_PARTS)}
    return Tables(columns, frozenset(views), found)


def judge(catalog: Catalog, tables: Tables) -> list[Finding]:
    """What differs. One finding for each difference, or one that says that there is none."""
    found: list[Finding] = []
    for collection in catalog.collections:
        found.extend(_columns(collection, tables))
        for part in parts(catalog, collection):
            table = catalog.by_id[part.table].name
            if (
                part.sort not in _ELSEWHERE and table in tables.columns
            ):  # of a table that is gone it is enough to say so
                found.extend(_part(part, table, tables))
    return found or [ok(ABOUT, f"{len(catalog.collections)} collections, each as it is declared")]


def _columns(collection: Collection, tables: Tables) -> list[Finding]:
    what = "view" if collection.is_view else "table"
    actual = tables.columns.get(collection.name)
    if actual is None or (collection.name in tables.views) != collection.is_view:
        return [_lost(f"the {what} of the collection {collection.name}")]
    found: list[Finding] = []
    for field in collection.fields:
        column = actual.get(field.name)
        if column is None:
            found.append(_lost(f"the column {field.name} of the {what} {collection.name}"))
        elif not collection.is_view:
            found.extend(_column(collection, field, column))
    return found


def _column(collection: Collection, field: Field, actual: Column) -> list[Finding]:
    place = f"the column {field.name} of {collection.name}"
    found: list[Finding] = []
    wanted = _plain(field.column().type)
    if wanted != _plain(actual.type):
        found.append(
            broken(
                ABOUT,
                f"{place} is {actual.type}, declared as {wanted}",
                "Change it back with ALTER TABLE, or change the field in the collection.",
            )
        )
    if field.column().not_null and not actual.not_null:
        alter = f'ALTER TABLE public."{collection.name}" ALTER "{field.name}" SET NOT NULL'
        found.append(broken(ABOUT, f"{place} has lost its NOT NULL", f"Run {alter}."))
    return found


def _part(part: Part, table: str, tables: Tables) -> list[Finding]:
    what = "foreign key" if part.sort == "relation" else part.sort
    sound = tables.parts.get(("" if part.sort == "function" else table, part.name))
    if sound is None:
        return [broken(ABOUT, f"the {what} {part.name} of {table} is gone", f"Run {inline(part.create)}.")]
    if sound:
        return []
    cure = {
        "index": f'REINDEX INDEX public."{part.name}"',
        "relation": f'ALTER TABLE public."{table}" VALIDATE CONSTRAINT "{part.name}"',
        "trigger": f'ALTER TABLE public."{table}" ENABLE TRIGGER "{part.name}"',
    }[part.sort]
    return [broken(ABOUT, f"the {what} {part.name} of {table} is off or not valid", f"Run {cure}.")]


def _lost(what: str) -> Finding:
    return broken(ABOUT, f"{what} is gone", "Restore it from a backup, or take it out of the collection.")


def _plain(type_name: str) -> str:
    """A type's name without what can be written in two ways."""
    bare = type_name.removeprefix("public.")
    return _LONG.get(bare, bare).replace(", ", ",")
