"""The steps that put aside what a change drops, so that it can be brought back. Pure."""

import hashlib
from collections.abc import Collection as Some
from collections.abc import Iterator
from typing import Final, Literal

from holdfast.catalog.snapshot import Catalog
from holdfast.collections import convert
from holdfast.collections.diff import FieldChange, TableChange
from holdfast.collections.parts import Part, parts, primary_key
from holdfast.collections.step import Keep, Step, trash_table
from holdfast.collections.tables import column_of, count, sample, table
from holdfast.db.sql import EMPTY, Sql, name, qualified, raw
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField
from holdfast.schema.stored import field_to_builtins, to_stored

ID_CHARS: Final = 15
Kind = Literal["collection", "field", "values"]


def trash_id(taken: Some[str], kind: Kind, collection: Collection, field: Field | None = None) -> str:
    """An id for what is dropped: the same whenever the same change is planned on the same trash."""
    for attempt in range(len(taken) + 1):
        text = f"{kind}/{collection.id}/{field.id if field else ''}/{attempt}"
        found = hashlib.sha256(text.encode()).hexdigest()[:ID_CHARS]
        if found not in taken:
            return found
    raise RuntimeError("the trash has more ids than it has rows")


def keep_collection(catalog: Catalog, collection: Collection, taken: Some[str]) -> Iterator[Step]:
    """The steps that move a table to the trash. Nothing is copied: it only gets another name and schema."""
    id = trash_id(taken, "collection", collection)
    keep = Keep(
        id=id,
        kind="collection",
        collection=collection,
        table=trash_table(id),
        definition={"collection": to_stored(collection)},
    )
    for place, index in enumerate(index_names(parts(catalog, collection), collection)):
        sql = raw("ALTER INDEX ") + qualified("public", index) + raw(" RENAME TO ") + name(f"{keep.table}_{place}")
        yield Step(collection=collection.name, action="keep_index", sql=sql, locks="access exclusive")
    yield Step(
        collection=collection.name,
        action="rename_collection",
        sql=raw("ALTER TABLE ") + table(collection) + raw(" RENAME TO ") + name(keep.table),
        locks="access exclusive",
    )
    yield Step(
        collection=collection.name,
        action="drop_collection",
        sql=raw("ALTER TABLE ") + qualified("public", keep.table) + raw(" SET SCHEMA holdfast_trash"),
        locks="access exclusive",
        losses=count(collection),
        keeps=keep,
    )


def keep_view(view: Collection, taken: Some[str]) -> Keep:
    """What goes to the trash with a view: its definition alone."""
    return Keep(
        id=trash_id(taken, "collection", view),
        kind="collection",
        collection=view,
        definition={"collection": to_stored(view)},
        table="",
    )


def index_names(found: tuple[Part, ...], collection: Collection) -> list[str]:
    """The indexes that move with a table, in the order in which they are numbered in the trash."""
    declared = sorted(part.name for part in found if part.sort == "index" and part.table == collection.id)
    return [primary_key(collection), *declared]


def keep_field(collection: Collection, field: Field, taken: Some[str]) -> Step:
    """The step that copies a field's values before it is dropped."""
    used = [
        text
        for text, index in zip(collection.indexes, read_indexes(collection).values(), strict=True)
        if field.name in index.fields
    ]
    id = trash_id(taken, "field", collection, field)
    keep = Keep(
        id=id,
        kind="field",
        collection=collection,
        field=field,
        table=trash_table(id),
        definition={
            "field": field_to_builtins(field),
            "position": collection.fields.index(field),
            "indexes": used,
            "names": {one.name: one.id for one in collection.fields},  # by which the indexes call the others
            "searchable": field.name in collection.searchable,
        },
    )
    return Step(
        collection=collection.name,
        action="keep_field",
        sql=_copy(
            keep,
            collection.name,
            [("id", raw("source.id")), ("value", column_of(field))],
            convert.filled(field, column_of(field)),
        ),
        locks="share",
        keeps=keep,
        field=field.name,
    )


def keep_values(change: TableChange, field: FieldChange, catalogs: tuple[Catalog, Catalog], taken: Some[str]) -> Step:
    """The step that copies the values that a conversion loses, beside what it makes of them.

    Where some are lost, blanks that would not come back as blanks are copied, too: so restoring leaves none changed.
    It comes when all tables and columns have their new names; the losses are counted under the old ones.
    """
    id = trash_id(taken, "values", change.old, field.old)
    keep = Keep(
        id=id,
        kind="values",
        collection=change.old,
        field=field.old,
        table=trash_table(id),
        definition={"old": field_to_builtins(field.old), "new": field_to_builtins(field.new)},
    )
    column = column_of(field.new)
    was, now = catalogs
    # In the column's own type: 0 and 0.00 are to be told apart from what somebody writes later.
    made = raw("CAST(") + convert.kept(field.old, field.new, column, _target(now, field.new)) + raw(" AS ")
    made += convert.column_type(field.new) + raw(")")
    gone = convert.comes_back_differently(field.old, field.new, column, _target(now, field.new))
    old = column_of(field.old)
    losing = convert.lost(field.old, field.new, old, _target(was, field.new))
    becomes = convert.as_json(field.new, convert.kept(field.old, field.new, old, _target(was, field.new)))
    return Step(
        collection=change.old.name,
        action="keep_values",
        sql=_copy(keep, change.new.name, [("id", raw("source.id")), ("value", column), ("made", made)], gone),
        locks="share",
        losses=count(change.old, losing),
        sample=sample(change.old, losing, convert.as_json(field.old, old), becomes),
        only_for_losses=True,
        keeps=keep,
        field=field.old.name,
    )


def _target(catalog: Catalog, field: Field) -> str | None:
    """The name of the table that a relation points at; None if there is none yet."""
    if not isinstance(field, RelationField):
        return None
    target = catalog.by_id.get(field.collection_id)
    return None if target is None else target.name


def _copy(keep: Keep, source: str, columns: list[tuple[str, Sql]], condition: Sql) -> Sql:
    listed = EMPTY
    for label, expression in columns:
        listed += (raw(", ") if listed else EMPTY) + expression + raw(" AS ") + name(label)
    return (
        raw("CREATE TABLE ")
        + qualified("holdfast_trash", keep.table)
        + raw(" AS SELECT ")
        + listed
        + raw(" FROM ")
        + qualified("public", source)
        + raw(" AS source WHERE ")
        + condition
    )
