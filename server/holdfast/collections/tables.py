"""The DDL of tables and their columns. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from holdfast.collections import convert
from holdfast.collections.diff import FieldChange, TableChange
from holdfast.collections.parts import primary_key
from holdfast.collections.step import Step
from holdfast.db.sql import EMPTY, Sql, join, literal, name, number, qualified, raw
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField

SAMPLE: Final = 50  # rows that lose something, to be looked at


def create(collection: Collection) -> Iterator[Step]:
    """The steps that make a new table, without what hangs on it."""
    columns = [_column(collection, field) for field in collection.fields]
    sql = raw("CREATE TABLE ") + table(collection) + raw(" (") + join(", ", columns) + raw(")")
    yield Step(collection=collection.name, action="create_collection", sql=sql, source=collection.id)
    if collection.comment:
        yield comment(collection)


def shadow(collection: Collection) -> Sql:
    """The statement that makes an empty copy of the table (or of what a view shows) for this session alone."""
    columns = [_column(collection, field) for field in collection.fields]
    return raw("CREATE TEMPORARY TABLE ") + name(collection.name) + raw(" (") + join(", ", columns) + raw(")")


def comment(collection: Collection) -> Step:
    """The step that writes the collection's comment into PostgreSQL's own catalog."""
    text = literal(collection.comment) if collection.comment else raw("NULL")
    sql = raw("COMMENT ON TABLE ") + table(collection) + raw(" IS ") + text
    return Step(collection=collection.name, action="comment", sql=sql)


def table(collection: Collection) -> Sql:
    """The collection's table, quoted and qualified."""
    return qualified("public", collection.name)


def _column(collection: Collection, field: Field) -> Sql:
    column = field.column()
    sql = name(field.name) + raw(" ") + convert.column_type(field)
    if column.default is not None:
        sql += raw(" DEFAULT ") + column.default
    if column.not_null:
        sql += raw(" NOT NULL")
    if field.name == "id":
        sql += raw(" CONSTRAINT ") + name(primary_key(collection)) + raw(" PRIMARY KEY")
    return sql


def add_column(collection: Collection, field: Field) -> Step:
    """The step that adds a field. Its default is the same for every row, so PostgreSQL writes none of them."""
    sql = raw("ALTER TABLE ") + table(collection) + raw(" ADD COLUMN ") + _column(collection, field)
    return Step(
        collection=collection.name,
        action="add_field",
        sql=sql,
        locks="access exclusive",
        source=collection.id,
        field=field.name,
    )


def drop_column(collection: Collection, field: Field) -> Step:
    """The step that drops a field, whose values were copied before."""
    sql = raw("ALTER TABLE ") + table(collection) + raw(" DROP COLUMN ") + name(field.name)
    value = column_of(field)
    condition = convert.filled(field, value)
    return Step(
        collection=collection.name,
        action="drop_field",
        sql=sql,
        locks="access exclusive",
        losses=count(collection, condition),
        sample=sample(collection, condition, convert.as_json(field, value), raw("NULL::jsonb")),
        field=field.name,
    )


def count(collection: Collection, condition: Sql = EMPTY) -> Sql:
    """The query that counts the collection's rows, called `source`, or those that meet a condition."""
    where = raw(" WHERE ") + condition if condition else EMPTY
    return raw("SELECT count(*) FROM ") + table(collection) + raw(" AS source") + where


def sample(collection: Collection, condition: Sql, value: Sql, becomes: Sql) -> Sql:
    """The query for the first SAMPLE of these rows, called `source`: their ids, a value, and what becomes of it."""
    return (
        raw("SELECT source.id, ")
        + value
        + raw(" AS value, ")
        + becomes
        + raw(" AS becomes FROM ")
        + table(collection)
        + raw(" AS source WHERE ")
        + condition
        + raw(" ORDER BY source.id LIMIT ")
        + number(SAMPLE)
    )


def column_of(field: Field) -> Sql:
    """The field's column in a query that calls the table `source`."""
    return raw("source.") + name(field.name)


def rename_tables(changes: Iterable[TableChange]) -> Iterator[Step]:
    """The steps that give tables their new names, also where two swap theirs."""
    moves = [(one.old.name, one.new.name, one.new.id) for one in changes if one.old.name != one.new.name]
    for old, new in _moves(moves):
        sql = raw("ALTER TABLE ") + qualified("public", old) + raw(" RENAME TO ") + name(new)
        yield Step(collection=old, action="rename_collection", sql=sql, locks="access exclusive")


def rename_columns(change: TableChange) -> Iterator[Step]:
    """The steps that give columns their new names; the table has its new one already."""
    moves = [(one.old.name, one.new.name, one.new.id) for one in change.kept if one.old.name != one.new.name]
    before = {f"hf_move_{id}": old for old, _, id in moves}
    for old, new in _moves(moves):
        sql = raw("ALTER TABLE ") + table(change.new) + raw(" RENAME COLUMN ") + name(old) + raw(" TO ") + name(new)
        yield Step(
            collection=change.old.name,
            action="rename_field",
            sql=sql,
            locks="access exclusive",
            field=before.get(old, old),
        )


def _moves(moves: list[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Old and new names in an order in which each new one is free, by way of `hf_move_…` where names change places."""
    taken = {old for old, _, _ in moves}
    parked = [move for move in moves if move[1] in taken]
    for old, new, id in moves:
        yield (old, f"hf_move_{id}") if (old, new, id) in parked else (old, new)
    for _, new, id in parked:
        yield f"hf_move_{id}", new


def must_convert(change: FieldChange) -> bool:
    """Whether the values of a field that stays become others."""
    return not convert.same_values(change.old, change.new)


def alter_column(change: TableChange, field: FieldChange, target: Collection | None) -> Iterator[Step]:
    """The steps that give a column its new type, values, default and nullability; it has its new name already.

    `target` is the collection that a relation points at, under its new name.
    """
    if convert.column_type(field.old) != convert.column_type(field.new):
        yield _convert(change, field)
    elif must_convert(field):
        yield from _refill(change, field)
    else:
        yield from _redefine(change, field)
    if isinstance(field.new, RelationField) and target is not None and convert.points_elsewhere(field.old, field.new):
        yield forget_missing(change.old.name, change.new, field.new, target)


def _convert(change: TableChange, field: FieldChange) -> Step:
    """A new type: PostgreSQL writes every row anew, in one statement."""
    column = name(field.new.name)
    alter = raw("ALTER COLUMN ") + column
    pieces = [
        alter + raw(" DROP DEFAULT"),
        alter + raw(" DROP NOT NULL"),
        alter
        + raw(" TYPE ")
        + convert.column_type(field.new)
        + raw(" USING ")
        + convert.converted(field.old, field.new, column),
    ]
    pieces.extend(_definition(alter, field.new))
    return Step(
        collection=change.old.name,
        action="convert_field",
        sql=raw("ALTER TABLE ") + table(change.new) + raw(" ") + join(", ", pieces),
        locks="access exclusive",
        rewrites=True,
        writes=count(change.old),
        source=change.new.id,
        where=("fields", str(change.new.fields.index(field.new))),
        field=field.old.name,
    )


def _definition(alter: Sql, field: Field) -> Iterator[Sql]:
    column = field.column()
    if column.default is not None:
        yield alter + raw(" SET DEFAULT ") + column.default
    if column.not_null:
        yield alter + raw(" SET NOT NULL")


def _refill(change: TableChange, field: FieldChange) -> Iterator[Step]:
    """The same type with other values: only the rows that have those are written."""
    column = name(field.new.name)
    alter = raw("ALTER COLUMN ") + column
    head = raw("ALTER TABLE ") + table(change.new) + raw(" ")
    loose = join(", ", [alter + raw(" DROP DEFAULT"), alter + raw(" DROP NOT NULL")])
    made = convert.converted(field.old, field.new, column)
    moved = raw("(") + made + raw(") IS DISTINCT FROM ") + column
    update = raw("UPDATE ") + table(change.new) + raw(" SET ") + column + raw(" = ") + made + raw(" WHERE ") + moved
    label = change.old.name
    old = column_of(field.old)
    writes = count(
        change.old, raw("(") + convert.converted(field.old, field.new, old) + raw(") IS DISTINCT FROM ") + old
    )
    yield _alter(label, field.old, head + loose)
    yield Step(
        collection=label,
        action="convert_field",
        sql=update,
        locks="access exclusive",
        writes=writes,
        field=field.old.name,
    )
    tight = list(_definition(alter, field.new))
    if tight:
        yield _alter(label, field.old, head + join(", ", tight))


def _alter(label: str, field: Field, sql: Sql) -> Step:
    return Step(collection=label, action="alter_field", sql=sql, locks="access exclusive", field=field.name)


def _redefine(change: TableChange, field: FieldChange) -> Iterator[Step]:
    """Only the default and whether it can be null."""
    was, now = field.old.column(), field.new.column()
    alter = raw("ALTER COLUMN ") + name(field.new.name)
    pieces: list[Sql] = []
    if was.default != now.default:
        pieces.append(alter + (raw(" DROP DEFAULT") if now.default is None else raw(" SET DEFAULT ") + now.default))
    if was.not_null != now.not_null:
        pieces.append(alter + (raw(" SET NOT NULL") if now.not_null else raw(" DROP NOT NULL")))
    if pieces:
        sql = raw("ALTER TABLE ") + table(change.new) + raw(" ") + join(", ", pieces)
        yield _alter(change.old.name, field.old, sql)


def forget_missing(label: str, collection: Collection, field: RelationField, target: Collection) -> Step:
    """The step that empties what points at no row of the target, so that the relation can be kept whole."""
    column = name(field.name)
    now = column_of(field)
    left = convert.existing(field, now, target.name)
    sql = (
        raw("UPDATE ")
        + table(collection)
        + raw(" AS source SET ")
        + column
        + raw(" = ")
        + left
        + raw(" WHERE ")
        + now
        + raw(" IS DISTINCT FROM ")
        + left
    )
    return Step(collection=label, action="empty_missing", sql=sql, locks="access exclusive", field=field.name)
