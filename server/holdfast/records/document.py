"""A record as JSON, written by PostgreSQL: which fields go out, in which order, and what is expanded in it."""

from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.db.sql import EMPTY, Sql, join, literal, name, number, qualified, raw
from holdfast.expressions.value import ALWAYS
from holdfast.http.selection import EVERYTHING as SELECT_ALL
from holdfast.http.selection import Selection, read_fields
from holdfast.records.columns import Column, column, is_spaced, json_object
from holdfast.records.expansion import NOTHING, Expansion, read_expand
from holdfast.records.shown import Reader, Shown
from holdfast.rules.access import EVERYTHING, PLAIN, Access, Audience, ways_in
from holdfast.rules.scope import holds
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField

MAX_BACK_RELATED: Final = 1000  # records of one back-relation, as in PocketBase


class Shape(msgspec.Struct, frozen=True):
    """Which parts of a record are wanted, and which relations with it."""

    selection: Selection = SELECT_ALL
    expansion: Expansion = NOTHING


class Document(msgspec.Struct, frozen=True):
    """An SQL expression that gives a record's JSON as text.

    `columns` are those that it reads of the row, `computed` what else has to be selected with them, by name. With
    `spaced` the text has PostgreSQL's spaces in it (jsonb has them), and is to be made compact before it goes out.
    `nested` is whether other records are in it.
    """

    sql: Sql
    columns: tuple[str, ...]
    spaced: bool
    nested: bool = False
    computed: tuple[tuple[str, Sql], ...] = ()

    def select(self, row: Sql) -> list[Sql]:
        """What to select of a row so that the expression can be made of the result."""
        plain = [row + raw(".") + name(column) for column in self.columns]
        return plain + [condition + raw(" AS ") + name(label) for label, condition in self.computed]


def read_shape(fields: str, expand: str) -> Shape:
    """The shape that the parameters `fields` and `expand` ask for. Raises BadRequest."""
    return Shape(read_fields(fields), read_expand(expand))


def visible_fields(collection: Collection, who: Audience) -> list[Field]:
    """The fields that this audience may read where its ways in give all of them, in order."""
    return [
        field for field in collection.fields if (who.superuser or not field.hidden) and not collection.is_secret(field)
    ]


def document(
    catalog: Catalog,
    who: Audience,
    collection: Collection,
    row: Sql,
    shape: Shape,
    access: Access | None = None,
    *,
    source: Sql | None = None,
) -> Document:
    """The record in `row`, the alias of a row of the collection.

    `access` has the ways in by which the row was found, and with them which fields go out; without it all that are
    not hidden do. If `row` is not the whole row but what `Document.select` took of it, `source` is its alias there.
    Raises BadRequest for an excerpt of what is no text.
    """
    reader = Reader(catalog, who)
    ways = access or (EVERYTHING if who.superuser else PLAIN)
    return _document(reader, collection, Shown(reader, collection, ways, row, source), row, shape, level=1)


def _document(reader: Reader, collection: Collection, shown: Shown, row: Sql, shape: Shape, *, level: int) -> Document:
    """`level` is how deep the record stands in the tree."""
    columns, fields = _plain(collection, shown, row, shape.selection)
    related = _related(reader, collection, shown, row, shape, level)
    spaced = any(is_spaced(field, shape.selection) for field in fields) or any(one.spaced for one in related)
    plain = json_object(columns)
    needed = (*(field.name for field in fields), *(column for one in related for column in one.columns))
    text = _with_expand(plain, columns, related) if related else plain
    computed = tuple(shown.computed.items())
    return Document(text, tuple(dict.fromkeys(needed)), spaced, nested=bool(related), computed=computed)


def _with_expand(plain: Sql, columns: list[Column], related: list[Document]) -> Sql:
    """What was not found leaves no key behind, and with nothing found there is no `expand`.

    So the keys are joined as text: row_to_json can only write null.
    """
    expand = raw("nullif(concat_ws(',', ") + join(", ", [one.sql for one in related]) + raw("), '')")
    if any(one.condition is ALWAYS for one in columns):
        text = raw("(left(") + plain + raw(", -1) || coalesce(',\"expand\":{' || ") + expand
        return text + raw(" || '}', '') || '}')")
    members = raw("nullif(left(right(") + plain + raw(", -1), -1), '')")
    return raw("('{' || concat_ws(',', ") + members + raw(", '\"expand\":{' || ") + expand + raw(" || '}') || '}')")


def _plain(collection: Collection, shown: Shown, row: Sql, selection: Selection) -> tuple[list[Column], list[Field]]:
    """The record's own keys, and the fields among them."""
    columns = [
        Column(literal(content) + raw("::text AS ") + name(key))
        for key, content in (("collectionId", collection.id), ("collectionName", collection.name))
        if selection.part(key) is not None
    ]
    fields = [
        field for field in collection.fields if selection.part(field.name) is not None and shown.is_readable(field)
    ]
    for field in fields:
        wanted = selection.part(field.name) or SELECT_ALL
        columns.append(Column(column(collection, row, field, wanted), shown.condition(field)))
    return columns, fields


def _related(
    reader: Reader, collection: Collection, shown: Shown, row: Sql, shape: Shape, level: int
) -> list[Document]:
    """One `"name":…` for each relation that is wanted and can be followed; null where nothing is found."""
    wanted = shape.selection.part("expand")
    if wanted is None:
        return []
    found: list[Document] = []
    for key, further in shape.expansion.parts:
        selection = wanted.part(key)
        followed = None
        if selection is not None:
            followed = _follow(reader, collection, shown, row, key, Shape(selection, further), level)
        if followed is not None:
            label = literal(msgspec.json.encode(key).decode() + ":")
            found.append(Document(label + raw(" || ") + followed.sql, followed.columns, followed.spaced))
    return found


def _follow(
    reader: Reader, collection: Collection, shown: Shown, row: Sql, key: str, shape: Shape, level: int
) -> Document | None:
    field = collection.by_name.get(key)
    if field is None:
        reference = _back_reference(reader.catalog, collection, key)
        return None if reference is None else _follow_back(reader, reference, row, shape, level)
    if not isinstance(field, RelationField) or not shown.is_readable(field):
        return None
    followed = _follow_on(reader, field, row, shape, level)
    condition = shown.condition(field)
    if followed is None or condition is ALWAYS:
        return followed
    sql = raw("CASE WHEN ") + condition + raw(" THEN ") + followed.sql + raw(" END")
    return msgspec.structs.replace(followed, sql=sql)


def _back_reference(catalog: Catalog, collection: Collection, key: str) -> Reference | None:
    """The relation field that `comments_via_post` names. Both names may hold `_via_` themselves."""
    for reference in catalog.references(collection):
        if key == f"{reference.collection.name}_via_{reference.field.name}":
            return reference
    return None


class _Target(msgspec.Struct, frozen=True):
    """The records of another collection that the caller may view: their FROM, their WHERE, and what shows of them."""

    access: Access
    alias: Sql
    source: Sql
    condition: Sql


def _target(reader: Reader, collection: Collection, level: int) -> _Target | None:
    """None where the caller may view none."""
    access = ways_in(reader.catalog, collection, "view", reader.who)
    if not access.is_open:
        return None
    alias = name(f"hf related {level}")
    condition = holds(reader.catalog, collection, access.rules, alias, reader.who, reader.spoken, prefix="g")
    return _Target(access, alias, qualified("public", collection.name) + raw(" AS ") + alias, condition)


def _follow_on(reader: Reader, field: RelationField, row: Sql, shape: Shape, level: int) -> Document | None:
    reader = msgspec.structs.replace(reader, context="expand")
    target = reader.catalog.target(field)
    found = _target(reader, target, level)
    if found is None:
        return None
    shown = Shown(reader, target, found.access, found.alias)
    inner = _document(reader, target, shown, found.alias, shape, level=level + 1)
    ids = row + raw(".") + name(field.name)
    passes = EMPTY if found.condition is ALWAYS else raw(" AND ") + found.condition
    if field.many:
        # The order of the list, and a list of its own name so that a column "id" cannot be meant.
        sql = raw("(SELECT '[' || string_agg(") + inner.sql + raw(", ',' ORDER BY listed.at) || ']' FROM unnest(")
        sql += ids + raw(") WITH ORDINALITY AS listed(id, at) JOIN ") + found.source + raw(" ON ") + found.alias
        sql += raw('."id" = listed.id WHERE true') + passes + raw(")")
    else:
        sql = raw("(SELECT ") + inner.sql + raw(" FROM ") + found.source + raw(" WHERE ") + found.alias
        sql += raw('."id" = ') + ids + passes + raw(")")
    return Document(sql, (field.name,), inner.spaced)


def _follow_back(reader: Reader, reference: Reference, row: Sql, shape: Shape, level: int) -> Document | None:
    reader = msgspec.structs.replace(reader, context="expand")
    target, field = reference.collection, reference.field
    found = _target(reader, target, level)
    if found is None:
        return None
    other = found.alias
    points = Shown(reader, target, found.access, other)
    if not points.is_readable(field):
        return None
    shown = Shown(reader, target, found.access, other, source=other)
    inner = _document(reader, target, shown, other, shape, level=level + 1)
    link = other + raw(".") + name(field.name)
    mine = row + raw('."id"')
    linked = link + raw(" @> ARRAY[") + mine + raw("]") if field.many else link + raw(" = ") + mine
    conditions = [linked, *(one for one in (found.condition, points.condition(field)) if one is not ALWAYS)]
    one = is_sole(reference)
    selected = msgspec.structs.replace(inner, columns=tuple(dict.fromkeys(("id", *inner.columns)))).select(other)
    rows = raw("(SELECT ") + join(", ", selected) + raw(" FROM ") + found.source
    rows += raw(" WHERE ") + join(" AND ", conditions) + raw(" ORDER BY ") + other + raw('."id" LIMIT ')
    rows += (raw("1") if one else number(MAX_BACK_RELATED)) + raw(") AS ") + other
    listed = inner.sql if one else raw("'[' || string_agg(") + inner.sql + raw(", ',') || ']'")
    return Document(raw("(SELECT ") + listed + raw(" FROM ") + rows + raw(")"), ("id",), inner.spaced)


def is_sole(reference: Reference) -> bool:
    """Whether a record can be pointed at only once, because the field's values are unique. Then it is no list."""
    if reference.field.many:
        return False
    indexes = read_indexes(reference.collection).values()
    return reference.field.unique or any(index.sole_unique_field == reference.field.name for index in indexes)
