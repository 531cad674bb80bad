"""What becomes of a field's values when the field changes: one SQL expression that never fails. Pure.

Values pass through text unless a pair of types has a better way. A value that does not come back as it was is lost
(`lost`), and a copy of it goes to the trash. Blank stays blank, and blank is never lost.
"""

import enum
from typing import Final, LiteralString, assert_never

from holdfast.db.sql import Sql, number, qualified, raw
from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.field import Field
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.vector import VectorField


class Shape(enum.Enum):
    """How a field's values lie in their column."""

    WORDS = "text"
    SECRET = "password"
    NUMBER = "number"
    WHOLE = "whole number"
    DECIMAL = "decimal"
    BOOL = "bool"
    MOMENT = "date"
    LIST = "list"
    JSON = "json"
    POINT = "point"
    VECTOR = "vector"


_NUMERIC: Final = frozenset((Shape.NUMBER, Shape.WHOLE, Shape.DECIMAL))
_SHAPES: Final[dict[type[Field], Shape]] = {
    PasswordField: Shape.SECRET,
    DecimalField: Shape.DECIMAL,
    BoolField: Shape.BOOL,
    DateField: Shape.MOMENT,
    AutodateField: Shape.MOMENT,
    JsonField: Shape.JSON,
    GeoPointField: Shape.POINT,
    VectorField: Shape.VECTOR,
}

_SHOWN: Final = JsonField(id="shown", name="shown")


def shape(field: Field) -> Shape:
    """How the field's values lie in their column."""
    if field.many:
        return Shape.LIST
    if isinstance(field, NumberField):
        return Shape.WHOLE if field.only_int else Shape.NUMBER
    return _SHAPES.get(type(field), Shape.WORDS)


def column_type(field: Field) -> Sql:
    """The type of the field's column, for DDL."""
    if isinstance(field, DecimalField):
        return raw("numeric(") + number(field.precision) + raw(", ") + number(field.scale) + raw(")")
    if isinstance(field, VectorField):
        return raw("public.vector(") + number(field.dimensions) + raw(")")
    return raw(field.cast)


def same_values(old: Field, new: Field) -> bool:
    """Whether every value stays as it is, so that nothing has to be converted."""
    if column_type(old) != column_type(new) or shape(old) != shape(new):
        return False
    if _target(old) != _target(new):
        return False
    return old.column().not_null or not new.column().not_null


def points_elsewhere(old: Field, new: Field) -> bool:
    """Whether the new field is a relation whose target need not have what the old one's values name."""
    return isinstance(new, RelationField) and _target(old) != _target(new)


def converted(old: Field, new: Field, x: Sql) -> Sql:
    """The value that the new field gets in place of `x`, the old one's.

    Whether the target of a relation exists is not looked at, since DDL cannot: see `kept`.
    """
    found = _value(old, new, x)
    if new.column().not_null:
        default = new.column().default
        return found if default is None else _call("coalesce", found, default)
    if old.nullable and new.nullable:
        return raw("CASE WHEN ") + x + raw(" IS NOT NULL THEN ") + found + raw(" END")
    return found


def kept(old: Field, new: Field, x: Sql, target: str | None) -> Sql:
    """The same, without the ids that the relation's target does not have.

    `target` is the name of its table, None if that is yet to be made. `x` has to be qualified: the target may have a
    column of the same name.
    """
    found = converted(old, new, x)
    if not isinstance(new, RelationField) or not points_elsewhere(old, new):
        return found
    if target is None:
        return raw("'{}'::text[]") if new.many else raw("NULL::text")
    return existing(new, found, target)


def existing(field: RelationField, x: Sql, target: str) -> Sql:
    """The ids in `x` that are in the target: for a list those that are left, for one id itself or null."""
    table = qualified("public", target)
    if not field.many:
        return raw("(SELECT held.id FROM ") + table + raw(" AS held WHERE held.id = ") + x + raw(")")
    return (
        raw("ARRAY(SELECT one.id FROM unnest(")
        + x
        + raw(") WITH ORDINALITY AS one (id, place) WHERE EXISTS (SELECT FROM ")
        + table
        + raw(" AS held WHERE held.id = one.id) ORDER BY one.place)")
    )


def lost(old: Field, new: Field, x: Sql, target: str | None) -> Sql:
    """Whether `x` does not survive: it is not blank, and would not come back as it was."""
    differs = comes_back_differently(old, new, x, target)
    # Where null is a value of its own, it is one that can be lost.
    return differs if old.nullable else raw("(") + differs + raw(" AND ") + filled(old, x) + raw(")")


def comes_back_differently(old: Field, new: Field, x: Sql, target: str | None) -> Sql:
    """Whether the way back makes something else of `x`; a blank that does is nobody's loss: "" that is 0, and "0"."""
    back = converted(new, old, kept(old, new, x, target))
    return raw("(") + back + raw(")::text IS DISTINCT FROM (") + x + raw(")::text")


def as_json(field: Field, x: Sql) -> Sql:
    """The value as JSON to be looked at: texts as strings, whatever they hold; of a password nothing."""
    return _call("to_jsonb", x) if shape(field) is Shape.WORDS else _value(field, _SHOWN, x)


def filled(field: Field, x: Sql) -> Sql:
    """Whether a row has a value in the field that would be missed."""
    return raw("NOT ") + _blank(field, x)


def _blank(field: Field, x: Sql) -> Sql:
    default = field.column().default
    empty = raw("(") + x + raw(") IS NULL")
    # Null is a value of its own where the field is nullable, and the moment that was filled in is none that is blank.
    if default is None or shape(field) is Shape.MOMENT:
        return raw("(") + empty + raw(")")
    zero = raw("(") + default + raw("::") + column_type(field) + raw(")::text")
    return raw("((") + x + raw(")::text IS NOT DISTINCT FROM ") + zero + raw(")")


def _target(field: Field) -> str:
    return field.collection_id if isinstance(field, RelationField) else ""


def _value(old: Field, new: Field, x: Sql) -> Sql:
    """The new value, or null where there is none."""
    source, target = shape(old), shape(new)
    if Shape.SECRET in (source, target):
        # A hash is nothing to show, and text is no hash.
        return x if source is target else raw("NULL::") + column_type(new)
    if source is target and source is not Shape.DECIMAL and source is not Shape.VECTOR:
        return _call("nullif", x, raw("''")) if _target(new) and not new.many else x
    direct = _direct(old, new, x)
    return direct if direct is not None else _from_words(new, _words(source, x))


def _direct(old: Field, new: Field, x: Sql) -> Sql | None:
    source, target = shape(old), shape(new)
    if source is Shape.LIST:
        return _from_list(new, x)
    if target is Shape.LIST:
        return _to_list(old, x)
    if target is Shape.JSON:
        return _to_json(source, x)
    if source is Shape.JSON and target is Shape.POINT:
        return _call("holdfast.try_point", x)
    return _between_numbers(source, new, x)


def _from_list(new: Field, x: Sql) -> Sql | None:
    if shape(new) is Shape.JSON:
        return _call("to_jsonb", x)
    if type(new).type in ("select", "file", "relation"):
        return raw("(") + x + raw(")[cardinality(") + x + raw(")]")  # the last one, as PocketBase does
    return None


def _to_list(old: Field, x: Sql) -> Sql | None:
    if shape(old) is Shape.JSON:
        return _call("holdfast.json_list", x)
    if type(old).type in ("select", "file", "relation"):
        return raw("CASE WHEN ") + x + raw(" <> '' THEN ARRAY[") + x + raw("] ELSE '{}'::text[] END")
    return None


def _to_json(source: Shape, x: Sql) -> Sql | None:
    if source in _NUMERIC or source is Shape.BOOL:
        return _call("to_jsonb", x)
    if source is Shape.POINT:
        return _call("holdfast.point_json", x)
    if source is Shape.VECTOR:
        return raw("(") + x + raw(")::text::jsonb")
    return None


def _between_numbers(source: Shape, new: Field, x: Sql) -> Sql | None:
    target = shape(new)
    if source in _NUMERIC and target is Shape.BOOL:
        return raw("(") + x + raw(") <> 0")
    if source in _NUMERIC and target is Shape.MOMENT:
        return _milliseconds(_call("holdfast.try_moment", raw("(") + x + raw(")::double precision")))
    if source is Shape.NUMBER and target is Shape.WHOLE:
        return _call("holdfast.try_whole", x)
    if source is Shape.WHOLE and target is Shape.NUMBER:
        return raw("(") + x + raw(")::double precision")
    if source is Shape.BOOL and target in _NUMERIC:
        return raw("(") + x + raw(")::integer::") + column_type(new)
    if source is Shape.MOMENT and target in _NUMERIC:
        return _from_words(new, raw("(") + _call("holdfast.seconds", x) + raw(")::text"))
    return None


def _words(source: Shape, x: Sql) -> Sql:
    """The value as text, null for null."""
    match source:
        case Shape.WORDS | Shape.SECRET:
            return x
        case Shape.MOMENT:
            return _call("holdfast.stamp", x)
        case Shape.LIST:
            return _call("holdfast.list_words", x)
        case Shape.JSON:
            return _call("holdfast.json_words", x)
        case Shape.POINT:
            return (
                raw("CASE WHEN ")
                + x
                + raw(" ~= '(0,0)' THEN '' ELSE ")
                + _call("holdfast.point_json", x)
                + raw("::text END")
            )
        case Shape.NUMBER | Shape.WHOLE | Shape.DECIMAL | Shape.BOOL | Shape.VECTOR:
            return raw("(") + x + raw(")::text")
        case _:
            assert_never(source)


def _from_words(new: Field, words: Sql) -> Sql:
    """What the text stands for in the new field, or null."""
    target = shape(new)
    match target:
        case Shape.WORDS | Shape.SECRET:
            return _call("nullif", words, raw("''")) if _target(new) else words
        case Shape.NUMBER | Shape.WHOLE | Shape.DECIMAL:
            return _number_from_words(new, words)
        case Shape.BOOL:
            return _call("holdfast.try_bool", words)
        case Shape.MOMENT:
            return _milliseconds(_call("holdfast.try_timestamp", words))
        case Shape.LIST:
            return _call("holdfast.words_list", words)
        case Shape.JSON:
            string = _call("to_jsonb", _call("nullif", words, raw("''")))
            return _call("nullif", _call("coalesce", _call("holdfast.try_json", words), string), raw("'null'::jsonb"))
        case Shape.POINT:
            return _call("holdfast.try_point", _call("holdfast.try_json", words))
        case Shape.VECTOR:
            return _try_vector(new, words)
        case _:
            assert_never(target)


def _number_from_words(new: Field, words: Sql) -> Sql:
    if isinstance(new, DecimalField):
        return _call("holdfast.try_decimal", words, number(new.precision), number(new.scale))
    found = _call("holdfast.try_number", words)
    return _call("holdfast.try_whole", found) if shape(new) is Shape.WHOLE else found


def _try_vector(new: Field, words: Sql) -> Sql:
    if not isinstance(new, VectorField):
        raise TypeError(f"{new.name} is no vector")
    return _call("holdfast.try_vector", words, number(new.dimensions)) + raw("::") + column_type(new)


def _milliseconds(x: Sql) -> Sql:
    """Cut, because dates go out in milliseconds and a filter with what went out has to find the row."""
    return _call("date_trunc", raw("'milliseconds'"), x)


def _call(function: LiteralString, *arguments: Sql) -> Sql:
    found = raw(function) + raw("(")
    for place, argument in enumerate(arguments):
        found += (raw(", ") if place else raw("")) + argument
    return found + raw(")")
