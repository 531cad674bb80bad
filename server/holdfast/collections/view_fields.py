"""The fields of a view, inferred: a column that is a field stays one, all else goes by PostgreSQL's type. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.collections import convert
from holdfast.collections.view_query import Output, ViewQuery
from holdfast.db.sql import Sql, join, name, qualified, raw
from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.collection import Collection
from holdfast.schema.date import DateField
from holdfast.schema.field import Field
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.system_fields import field_id, id_field
from holdfast.schema.text import TextField

_BY_TYPE: Final[Mapping[str, type[Field]]] = {
    **dict.fromkeys(("int2", "int4", "int8", "float4", "float8", "numeric"), NumberField),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "uuid"), TextField),
    **dict.fromkeys(("timestamptz", "timestamp", "date"), DateField),
    "bool": BoolField,
}
_ROW: Final = raw("shown.")


def view_fields(query: ViewQuery, types: Mapping[str, str], collections: Mapping[str, Collection]) -> tuple[Field, ...]:
    """The fields of a view, given the PostgreSQL type of each column and the collections by name."""
    return tuple(_field(output, types[output.name], collections) for output in query.outputs)


def create_view(label: str, query: ViewQuery, fields: tuple[Field, ...]) -> Sql:
    """The statement that makes the view, with every column in the type and the nullability of its field."""
    columns = [_column(output, field) for output, field in zip(query.outputs, fields, strict=True)]
    return (
        raw("CREATE VIEW ")
        + qualified("public", label)
        + raw(" AS SELECT ")
        + join(", ", columns)
        + raw(" FROM (")
        + query.select()
        + raw(") AS shown")
    )


def _field(output: Output, type: str, collections: Mapping[str, Collection]) -> Field:
    if output.name == "id":
        return msgspec.structs.replace(id_field(), min=0, max=0, pattern="", autogenerate_pattern="")
    hidden = any(_is_hidden(collections[table], field) for table, field in output.touches if table in collections)
    field = _same(output, collections) or _by_type(output.name, type)
    return msgspec.structs.replace(field, hidden=hidden)


def _is_hidden(collection: Collection, field: str) -> bool:
    found = collection.by_name.get(field)
    return found is not None and (found.hidden or not found.readable)


def _same(output: Output, collections: Mapping[str, Collection]) -> Field | None:
    """The field that the column shows, under the column's name."""
    origin = output.origin
    if origin is None:
        return None
    collection = collections[origin.collection]
    found = collection.by_name[origin.field]
    label = output.name
    if found.name == "id":
        if collection.is_view:  # nothing can point at a view
            return TextField(id=field_id("text", label), name=label)
        return RelationField(id=field_id("relation", label), name=label, collection_id=collection.id)
    if isinstance(found, AutodateField) and origin.optional:
        return DateField(id=field_id("date", label), name=label)
    return msgspec.structs.replace(
        found, id=field_id(found.type, label), name=label, system=False, unique=False, required=False, default=None
    )


def _by_type(label: str, type: str) -> Field:
    kind = _BY_TYPE.get(type, JsonField)
    return kind(id=field_id(kind.type, label), name=label)


def _column(output: Output, field: Field) -> Sql:
    label = name(output.name)
    shown = _ROW + label
    if output.origin is None or output.name == "id" or isinstance(field, RelationField):
        cast = raw("to_jsonb(") + shown + raw(")") if isinstance(field, JsonField) else _cast(shown, field)
    else:
        cast = shown
    column = field.column()
    may_be_null = output.origin is None or output.origin.optional
    if may_be_null and column.default is not None:
        cast = raw("coalesce(") + cast + raw(", ") + column.default + raw(")")
    return cast + raw(" AS ") + label


def _cast(shown: Sql, field: Field) -> Sql:
    return raw("CAST(") + shown + raw(" AS ") + convert.column_type(field) + raw(")")
