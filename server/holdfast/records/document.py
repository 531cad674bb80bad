"""A record as JSON, written by PostgreSQL: which fields go out, in which order, and what is expanded in it."""

from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.db.sql import Sql, join, literal, name, named, number, qualified, raw
from holdfast.expressions.kind import Kind
from holdfast.records.expansion import NOTHING, Expansion, read_expand
from holdfast.records.pick import pick
from holdfast.records.query import refuse
from holdfast.records.selection import EVERYTHING, Excerpt, Selection, read_fields
from holdfast.rules.access import NO_ROW, Audience, gate
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField

PRINCIPAL_ID: Final = "principal.id"
"""The name under which `Inputs.named` holds the caller's record id."""
MAX_BACK_RELATED: Final = 1000  # records of one back-relation, as in PocketBase
_ROW: Final = name("hf row")  # no field can have a name with a space, so none can stand in front of it


class Shape(msgspec.Struct, frozen=True):
    """Which parts of a record are wanted, and which relations with it."""

    selection: Selection = EVERYTHING
    expansion: Expansion = NOTHING


class Document(msgspec.Struct, frozen=True):
    """An SQL expression that gives a record's JSON as text.

    `columns` are those that it reads of the row. With `spaced` the text has PostgreSQL's spaces in it (jsonb
    has them), and is to be made compact before it goes out. `nested` is whether other records are in it.
    """

    sql: Sql
    columns: tuple[str, ...]
    spaced: bool
    nested: bool = False


def read_shape(fields: str, expand: str) -> Shape:
    """The shape that the parameters `fields` and `expand` ask for. Raises BadRequest."""
    return Shape(read_fields(fields), read_expand(expand))


def visible_fields(collection: Collection, who: Audience) -> list[Field]:
    """The fields that this audience may read, in order. Secrets are nobody's, superusers included."""
    return [
        field for field in collection.fields if (who.superuser or not field.hidden) and not collection.is_secret(field)
    ]


def document(
    catalog: Catalog, who: Audience, collection: Collection, row: Sql, shape: Shape, *, level: int = 1
) -> Document:
    """The record in `row`, the alias of a row of the collection. `level` is how deep it stands in the tree.

    Raises BadRequest for an excerpt of what is no text.
    """
    plain = _plain(collection, who, row, shape.selection)
    related = _related(catalog, who, collection, row, shape, level)
    if not related:
        return plain
    expand = raw("nullif(concat_ws(',', ") + join(", ", [one.sql for one in related]) + raw("), '')")
    # What was not found leaves no key behind, and with nothing found there is no `expand`. So the keys are
    # joined as text: row_to_json can only write null.
    if not plain.columns:
        text = raw("('{' || coalesce('\"expand\":{' || ") + expand + raw(" || '}', '') || '}')")
    else:
        text = (
            raw("(left(")
            + plain.sql
            + raw(", -1) || coalesce(',\"expand\":{' || ")
            + expand
            + raw(" || '}', '') || '}')")
        )
    columns = dict.fromkeys(column for part in (plain, *related) for column in part.columns)
    return Document(text, tuple(columns), any(part.spaced for part in (plain, *related)), nested=True)


def _plain(collection: Collection, who: Audience, row: Sql, selection: Selection) -> Document:
    """The record's own fields: one row_to_json, the only JSON function that writes no spaces (version 15 to 18)."""
    shown = [field for field in visible_fields(collection, who) if selection.part(field.name) is not None]
    constants = [
        literal(content) + raw("::text AS ") + name(key)
        for key, content in (("collectionId", collection.id), ("collectionName", collection.name))
        if selection.part(key) is not None
    ]
    spaced = any(_is_spaced(field, selection) for field in shown)
    columns = tuple(field.name for field in shown)
    text = _row_to_json(constants + [_column(collection, row, field, selection) for field in shown])
    secret = next((field for field in shown if _is_private(collection, who, field)), None)
    if secret is None:
        return Document(text, columns, spaced)
    without = _row_to_json(
        constants + [_column(collection, row, field, selection) for field in shown if field is not secret]
    )
    text = raw("CASE WHEN ") + _email_shows(collection, who, row) + raw(" THEN ") + text + raw(" ELSE ") + without
    return Document(raw("(") + text + raw(" END)"), (*dict.fromkeys((*columns, "id", "emailVisibility")),), spaced)


def _is_spaced(field: Field, selection: Selection) -> bool:
    if field.kind is Kind.JSON:
        return True
    return field.kind is Kind.POINT and not (selection.part(field.name) or EVERYTHING).whole


def _row_to_json(columns: list[Sql]) -> Sql:
    if not columns:
        return raw("'{}'")
    return (
        raw("(SELECT row_to_json(")
        + _ROW
        + raw(")::text FROM (SELECT ")
        + join(", ", columns)
        + raw(") AS ")
        + _ROW
        + raw(")")
    )


def _is_private(collection: Collection, who: Audience, field: Field) -> bool:
    return collection.is_auth and field.system and field.name == "email" and not who.superuser


def _email_shows(collection: Collection, who: Audience, row: Sql) -> Sql:
    visible = row + raw('."emailVisibility"')
    if who.collection_id != collection.id:
        return visible
    return raw("(") + visible + raw(" OR ") + row + raw('."id" = ') + named(PRINCIPAL_ID, "text") + raw(")")


def _column(collection: Collection, row: Sql, field: Field, selection: Selection) -> Sql:
    wanted = selection.part(field.name) or EVERYTHING
    column = row + raw(".") + name(field.name)
    default = field.column().default
    if collection.is_view and default is not None and not field.nullable:
        # No constraint keeps null out of a view's columns.
        column = raw("coalesce(") + column + raw(", ") + default + raw(")")
    out = field.out(column)
    if wanted.excerpt is not None:
        out = _excerpt(field, column, wanted.excerpt)
    elif not wanted.whole and field.kind in (Kind.JSON, Kind.POINT):
        out = pick(out if field.kind is Kind.JSON else raw("to_jsonb(") + out + raw(")"), wanted)
    return out + raw(" AS ") + name(field.name)


def _excerpt(field: Field, column: Sql, excerpt: Excerpt) -> Sql:
    if field.kind is not Kind.TEXT or field.many:
        raise refuse("fields", f"An excerpt can only be made of a text, and {field.name} is none.")
    flag = raw("true") if excerpt.ellipsis else raw("false")
    return raw("holdfast.excerpt(") + column + raw(", ") + number(excerpt.characters) + raw(", ") + flag + raw(")")


def _related(
    catalog: Catalog, who: Audience, collection: Collection, row: Sql, shape: Shape, level: int
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
            followed = _follow(catalog, who, collection, row, key, Shape(selection, further), level)
        if followed is not None:
            label = literal(msgspec.json.encode(key).decode() + ":")
            found.append(Document(label + raw(" || ") + followed.sql, followed.columns, followed.spaced))
    return found


def _follow(
    catalog: Catalog, who: Audience, collection: Collection, row: Sql, key: str, shape: Shape, level: int
) -> Document | None:
    field = collection.by_name.get(key)
    if field is None:
        reference = _back_reference(catalog, collection, key)
        if reference is None or (reference.field.hidden and not who.superuser):
            return None
        return _follow_back(catalog, who, reference, row, shape, level)
    if not isinstance(field, RelationField) or (field.hidden and not who.superuser):
        return None
    return _follow_on(catalog, who, field, row, shape, level)


def _back_reference(catalog: Catalog, collection: Collection, key: str) -> Reference | None:
    """The relation field that `comments_via_post` names. Both names may hold `_via_` themselves."""
    for reference in catalog.references(collection):
        if key == f"{reference.collection.name}_via_{reference.field.name}":
            return reference
    return None


def _follow_on(
    catalog: Catalog, who: Audience, field: RelationField, row: Sql, shape: Shape, level: int
) -> Document | None:
    target = catalog.target(field)
    condition = gate(who, "view")(target)
    if condition is NO_ROW:
        return None
    other = _alias(level)
    inner = document(catalog, who, target, other, shape, level=level + 1)
    source = qualified("public", target.name) + raw(" AS ") + other
    ids = row + raw(".") + name(field.name)
    if field.many:
        # The order of the list, and a list of its own name so that a column "id" cannot be meant.
        sql = (
            raw("(SELECT '[' || string_agg(")
            + inner.sql
            + raw(", ',' ORDER BY listed.at) || ']' FROM unnest(")
            + ids
            + raw(") WITH ORDINALITY AS listed(id, at) JOIN ")
            + source
            + raw(" ON ")
            + other
            + raw('."id" = listed.id WHERE ')
            + condition
            + raw(")")
        )
    else:
        sql = (
            raw("(SELECT ")
            + inner.sql
            + raw(" FROM ")
            + source
            + raw(" WHERE ")
            + other
            + raw('."id" = ')
            + ids
            + raw(" AND ")
            + condition
            + raw(")")
        )
    return Document(sql, (field.name,), inner.spaced)


def _follow_back(
    catalog: Catalog, who: Audience, reference: Reference, row: Sql, shape: Shape, level: int
) -> Document | None:
    condition = gate(who, "view")(reference.collection)
    if condition is NO_ROW:
        return None
    other = _alias(level)
    inner = document(catalog, who, reference.collection, other, shape, level=level + 1)
    link = other + raw(".") + name(reference.field.name)
    mine = row + raw('."id"')
    points = link + raw(" @> ARRAY[") + mine + raw("]") if reference.field.many else link + raw(" = ") + mine
    one = _is_sole(reference)
    columns = join(", ", [other + raw(".") + name(column) for column in dict.fromkeys(("id", *inner.columns))])
    rows = (
        raw("(SELECT ")
        + columns
        + raw(" FROM ")
        + qualified("public", reference.collection.name)
        + raw(" AS ")
        + other
        + raw(" WHERE ")
        + points
        + raw(" AND ")
        + condition
        + raw(" ORDER BY ")
        + other
        + raw('."id" LIMIT ')
        + (raw("1") if one else number(MAX_BACK_RELATED))
        + raw(") AS ")
        + other
    )
    listed = inner.sql if one else raw("'[' || string_agg(") + inner.sql + raw(", ',') || ']'")
    return Document(raw("(SELECT ") + listed + raw(" FROM ") + rows + raw(")"), ("id",), inner.spaced)


def _is_sole(reference: Reference) -> bool:
    """Whether a record can be pointed at only once, because the field's values are unique. Then it is no list."""
    if reference.field.many:
        return False
    indexes = read_indexes(reference.collection).values()
    return reference.field.unique or any(index.sole_unique_field == reference.field.name for index in indexes)


def _alias(level: int) -> Sql:
    return name(f"hf related {level}")
