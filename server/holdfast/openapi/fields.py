"""What a field looks like in JSON, as a schema: as it goes out, and as it may come in. Pure."""

from typing import Any, Final, TypeAlias, cast

from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField
from holdfast.schema.url import UrlField
from holdfast.schema.vector import VectorField

Schema: TypeAlias = dict[str, Any]

STRING: Final = {"type": "string"}
DATE_OUT: Final = {
    "type": "string",
    "description": "UTC, with milliseconds; empty when there is none.",
    "examples": ["2026-11-20 09:15:00.123Z"],
}
DATE_IN: Final = {
    "type": "string",
    "description": "ISO 8601 with any offset, the form that goes out, or a bare date; empty for none.",
    "examples": ["2026-11-20T09:15:00Z"],
}
POINT: Final = {
    "type": "object",
    "required": ["lon", "lat"],
    "properties": {
        "lon": {"type": "number", "minimum": -180, "maximum": 180},
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
    },
}


def field_out(field: Field) -> Schema:
    """The schema of a field's value in an answer."""
    return _described(field, _nullable(field, _out(field)))


def field_in(field: Field) -> Schema:
    """The schema of what a write may give for a field."""
    schema = _in(field)
    if field.default is not None:
        schema = {**schema, "default": field.default}
    return _described(field, _nullable(field, schema))


def _out(field: Field) -> Schema:
    if isinstance(field, SelectField):
        return _many(field, _one_of(field, blank=not field.many))
    if isinstance(field, DateField | AutodateField):
        return dict(DATE_OUT)
    return _plain(field)


def _one_of(field: SelectField, *, blank: bool) -> Schema:
    """One of its values; any text where those are known elsewhere, as for the roles of a person."""
    if not field.values:
        return dict(STRING)
    return {"type": "string", "enum": [*([""] if blank else []), *field.values]}


def _in(field: Field) -> Schema:
    if isinstance(field, TextField):
        return _text_in(field)
    if isinstance(field, PasswordField):
        return _bounded({"type": "string", "writeOnly": True, "format": "password"}, field.min, field.max)
    if isinstance(field, SelectField):
        return _many(field, _one_of(field, blank=not (field.required or field.many)), most=field.max_select)
    if isinstance(field, RelationField):
        return _many(field, dict(STRING), least=field.min_select, most=field.max_select)
    if isinstance(field, NumberField):
        bounds = {"minimum": field.min, "maximum": field.max}
        return _plain(field) | {name: bound for name, bound in bounds.items() if bound is not None}
    if isinstance(field, DateField):
        return dict(DATE_IN)
    if isinstance(field, DecimalField):
        return {**_plain(field), "type": ["string", "number"]}
    if isinstance(field, FileField):
        return _many(field, {"type": "string", "description": "A file, in a multipart form; or the name of one."})
    return _plain(field)


def _plain(field: Field) -> Schema:
    """Types that look the same both ways."""
    if isinstance(field, NumberField):
        return {"type": "integer" if field.only_int else "number"}
    if isinstance(field, BoolField):
        return {"type": "boolean"}
    if isinstance(field, JsonField):
        return {}
    if isinstance(field, GeoPointField):
        return dict(POINT)
    if isinstance(field, VectorField):
        size = field.dimensions
        return {"type": ["array", "null"], "items": {"type": "number"}, "minItems": size, "maxItems": size}
    if isinstance(field, DecimalField):
        return {"type": "string", "description": f"A decimal number with {field.scale} digits after the point."}
    if isinstance(field, UrlField):
        return {"type": "string", "examples": ["https://example.com"]}
    return _many(field, dict(STRING))


def _text_in(field: TextField) -> Schema:
    schema = _bounded({"type": "string"}, field.min if field.required else 0, field.max)
    return schema | ({"pattern": field.pattern} if field.pattern and field.required else {})


def _bounded(schema: Schema, least: int, most: int) -> Schema:
    if least:
        schema["minLength"] = least
    if most:
        schema["maxLength"] = most
    return schema


def _many(field: Field, item: Schema, *, least: int = 0, most: int = 0) -> Schema:
    if not field.many:
        return item
    schema: Schema = {"type": "array", "items": item}
    if least:
        schema["minItems"] = least
    if most > 1:
        schema["maxItems"] = most
    return schema


def _nullable(field: Field, schema: Schema) -> Schema:
    kind = schema.get("type")
    if not field.nullable or kind is None:
        return schema
    kinds = cast("list[str]", kind if isinstance(kind, list) else [kind])
    if "null" in kinds:
        return schema
    with_null: Schema = {**schema, "type": [*kinds, "null"]}
    if "enum" in schema:
        with_null["enum"] = [*schema["enum"], None]
    return with_null


def _described(field: Field, schema: Schema) -> Schema:
    return {**schema, "description": field.help} if field.help else schema
