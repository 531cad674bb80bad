"""The condition of a partial index: a small tree of comparisons, with its text and its SQL."""

from collections.abc import Mapping
from typing import Final, LiteralString, TypeAlias

import msgspec

from holdfast.db.sql import Sql, join, literal, name, number, raw
from holdfast.expressions.kind import Kind
from holdfast.schema.date import read_date, write_date
from holdfast.schema.field import Field, FieldError
from holdfast.schema.number import read_number


class InvalidIndex(Exception):
    """An index statement that is refused; the message says why."""


class Constant(msgspec.Struct, frozen=True):
    """A string, a number or a bool."""

    content: str | float | bool


class Compare(msgspec.Struct, frozen=True):
    """`field operator constant`."""

    field: str
    operator: str
    constant: Constant


class IsNull(msgspec.Struct, frozen=True):
    """`field IS [NOT] NULL`."""

    field: str
    negated: bool


class Among(msgspec.Struct, frozen=True):
    """`field [NOT] IN (constants)`."""

    field: str
    constants: tuple[Constant, ...]
    negated: bool


class Not(msgspec.Struct, frozen=True):
    """The opposite."""

    condition: "Condition"


class Junction(msgspec.Struct, frozen=True):
    """Several conditions with AND or OR between them."""

    word: str
    conditions: tuple["Condition", ...]


Condition: TypeAlias = Compare | IsNull | Among | Not | Junction

OPERATORS: Final[Mapping[str, LiteralString]] = {
    "=": " = ",
    "==": " = ",
    "!=": " <> ",
    "<>": " <> ",
    "<": " < ",
    "<=": " <= ",
    ">": " > ",
    ">=": " >= ",
}


def fields_of(condition: Condition) -> frozenset[str]:
    """The names of the fields that a condition looks at."""
    if isinstance(condition, Not):
        return fields_of(condition.condition)
    if isinstance(condition, Junction):
        return frozenset(field for inner in condition.conditions for field in fields_of(inner))
    return frozenset((condition.field,))


def renamed(condition: Condition, names: Mapping[str, str]) -> Condition:
    """The condition after fields were renamed (old name to new)."""
    if isinstance(condition, Not):
        return Not(renamed(condition.condition, names))
    if isinstance(condition, Junction):
        return Junction(condition.word, tuple(renamed(inner, names) for inner in condition.conditions))
    return msgspec.structs.replace(condition, field=names.get(condition.field, condition.field))


def condition_text(condition: Condition, *, nested: bool = False) -> str:
    """The condition as PocketBase's clients write it."""
    if isinstance(condition, Compare):
        return f"`{condition.field}` {condition.operator} {_constant_text(condition.constant)}"
    if isinstance(condition, IsNull):
        return f"`{condition.field}` IS {'NOT ' if condition.negated else ''}NULL"
    if isinstance(condition, Among):
        items = ", ".join(_constant_text(constant) for constant in condition.constants)
        return f"`{condition.field}` {'NOT ' if condition.negated else ''}IN ({items})"
    if isinstance(condition, Not):
        return f"NOT {condition_text(condition.condition, nested=True)}"
    text = f" {condition.word} ".join(condition_text(inner, nested=True) for inner in condition.conditions)
    return f"({text})" if nested else text


def _constant_text(constant: Constant) -> str:
    content = constant.content
    if isinstance(content, bool):
        return "TRUE" if content else "FALSE"
    if isinstance(content, str):
        return "'" + content.replace("'", "''") + "'"
    return str(int(content)) if float(content).is_integer() and abs(content) < 1e15 else repr(content)


def condition_sql(condition: Condition, fields: Mapping[str, Field]) -> Sql:
    """The condition for PostgreSQL. Raises InvalidIndex for a constant that the field cannot be compared with."""
    if isinstance(condition, Compare):
        return _compare(fields[condition.field], condition.operator, condition.constant)
    if isinstance(condition, IsNull):
        return name(condition.field) + (raw(" IS NOT NULL") if condition.negated else raw(" IS NULL"))
    if isinstance(condition, Among):
        field = fields[condition.field]
        items = [_equal(field, constant) for constant in condition.constants]
        inside = raw("(") + join(" OR ", items) + raw(")")
        return raw("NOT ") + inside if condition.negated else inside
    if isinstance(condition, Not):
        return raw("NOT (") + condition_sql(condition.condition, fields) + raw(")")
    parts = [condition_sql(inner, fields) for inner in condition.conditions]
    return raw("(") + (join(" AND ", parts) if condition.word == "AND" else join(" OR ", parts)) + raw(")")


def _equal(field: Field, constant: Constant) -> Sql:
    return _compare(field, "=", constant)


def _compare(field: Field, operator: str, constant: Constant) -> Sql:
    column = name(field.name)
    sign = OPERATORS[operator]
    equality = sign in (" = ", " <> ")
    if field.many:
        if equality and constant.content in ("", "[]"):
            return raw("cardinality(") + column + raw(")") + raw(sign) + raw("0")
        raise InvalidIndex(f"{field.name} holds many values: it can only be compared with '[]'.")
    if constant.content == "" and (field.kind is not Kind.TEXT or field.read("") is None):
        if equality:  # where empty is stored as NULL (relations, dates), `= ''` asks for just that
            return column + (raw(" IS NULL") if sign == " = " else raw(" IS NOT NULL"))
        raise InvalidIndex(f"{field.name} can only be equal to '' or not, neither more nor less.")
    return column + raw(sign) + _constant_sql(field, constant.content)


def _constant_sql(field: Field, content: str | float | bool) -> Sql:
    try:
        return _typed(field, content)
    except FieldError as failure:
        raise InvalidIndex(f"{field.name} cannot be compared with {content!r}: {failure}") from failure


def _typed(field: Field, content: str | float | bool) -> Sql:
    if field.kind is Kind.TEXT and isinstance(content, str):
        return literal(content)
    if field.kind in (Kind.NUMBER, Kind.DECIMAL) and not isinstance(content, bool):
        return number(read_number(content))
    if field.kind is Kind.BOOL and content in (0, 1):  # True and False too
        return raw("true") if content else raw("false")
    if field.kind is Kind.DATE and isinstance(content, str):
        moment = read_date(content)
        if moment is not None:
            return literal(write_date(moment))
    raise InvalidIndex(f"{field.name}, of type {field.type}, cannot be compared with {content!r}.")
