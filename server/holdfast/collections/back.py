"""What comes back from the trash in a change: whole tables, and the values of fields. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.collections import convert, tables
from holdfast.collections.diff import FieldChange, TableChange
from holdfast.collections.keeping import index_names
from holdfast.collections.parts import parts
from holdfast.collections.step import Action, Step
from holdfast.db.sql import Sql, name, qualified, raw
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField


class ReturningTable(msgspec.Struct, frozen=True):
    """A dropped collection that comes back: its table in the trash, and what it was."""

    table: str
    was: Collection


class ReturningValues(msgspec.Struct, frozen=True):
    """The values of a field that come back: their table in the trash, and the field that they belong to.

    With `made`, a row gets its old value back only where it still has what the conversion made of it.
    """

    table: str
    field: Field
    made: bool = False


class Back(msgspec.Struct, frozen=True):
    """All that comes back: tables by the id of the collection, values by those of the collection and the field."""

    tables: Mapping[str, ReturningTable] = msgspec.field(default_factory=dict[str, ReturningTable])
    values: Mapping[tuple[str, str], ReturningValues] = msgspec.field(
        default_factory=dict[tuple[str, str], ReturningValues]
    )


NOTHING_BACK: Final = Back()


def table_back(collection: Collection, back: ReturningTable) -> Iterator[Step]:
    """The steps that bring a table back with its indexes, before anything points at it again."""
    label = collection.name
    yield _step(label, raw("ALTER TABLE ") + _kept(back.table) + raw(" SET SCHEMA public"), "restore_collection")
    rename = raw("ALTER TABLE ") + qualified("public", back.table) + raw(" RENAME TO ") + name(label)
    yield _step(label, rename, "rename_collection", collection.id)
    wanted = _indexes(collection)
    for place, was in enumerate(_indexes(back.was)):
        # Indexes of our own are called by the id of the collection, which may be another one now.
        index = was.replace(back.was.id, collection.id) if was.startswith("hf_") else was
        kept = qualified("public", f"{back.table}_{place}")
        rename = raw("ALTER INDEX ") + kept + raw(" RENAME TO ") + name(index)
        sql = rename if index in wanted else raw("DROP INDEX ") + kept
        yield _step(label, sql, "restore_index", collection.id)
    change = TableChange(back.was, collection)
    for field in change.kept:
        if tables.must_convert(field):
            for step in tables.alter_column(change, field, None):
                yield msgspec.structs.replace(step, losses=None, writes=None)


def _indexes(collection: Collection) -> list[str]:
    """The names of the collection's indexes, as the trash numbers them.

    What its relations point at may be gone; for the names it does not matter, so they point at the collection itself.
    """
    fields = tuple(
        msgspec.structs.replace(field, collection_id=collection.id) if isinstance(field, RelationField) else field
        for field in collection.fields
    )
    alone = msgspec.structs.replace(collection, fields=fields)
    return index_names(parts(Catalog.of(0, [alone]), alone), alone)


def forget_missing(new: Catalog, collection: Collection) -> Iterator[Step]:
    """The steps that empty what points at records that are gone since, before relations are kept whole again."""
    for field in collection.fields:
        if isinstance(field, RelationField):
            yield tables.forget_missing(collection.name, collection, field, new.target(field))


def values_before(change: TableChange, field: FieldChange, back: ReturningValues) -> Step:
    """The step that drops from the trash what is not to come back: the present value is somebody's own by now."""
    column = name(field.new.name)
    sql = (
        raw("DELETE FROM ")
        + _kept(back.table)
        + raw(" AS kept USING ")
        + tables.table(change.new)
        + raw(" AS source WHERE source.id = kept.id AND source.")
        + column
        + raw("::text IS DISTINCT FROM kept.made::text")
    )
    return _step(change.old.name, sql, "restore_values")


def values_back(change: TableChange, field: Field, back: ReturningValues) -> Step:
    """The step that puts values back into a column that has its type again."""
    value = convert.converted(back.field, field, raw("kept.value"))
    sql = (
        raw("UPDATE ")
        + tables.table(change.new)
        + raw(" AS source SET ")
        + name(field.name)
        + raw(" = ")
        + value
        + raw(" FROM ")
        + _kept(back.table)
        + raw(" AS kept WHERE kept.id = source.id")
    )
    return _step(change.old.name, sql, "restore_values")


def _kept(table: str) -> Sql:
    return qualified("holdfast_trash", table)


def _step(collection: str, sql: Sql, action: Action, source: str = "") -> Step:
    return Step(collection=collection, action=action, sql=sql, locks="access exclusive", source=source)
