"""The changes that a request makes to fields: `field`, `field+`, `+field`, `field-`. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Any, Final, Literal, TypeAlias, assert_never, cast

import msgspec

from holdfast.expressions.kind import Kind
from holdfast.schema.choice import read_many
from holdfast.schema.collection import Collection
from holdfast.schema.decimal import MAX_NUMERAL_CHARS, MAX_PRECISION
from holdfast.schema.field import Field, FieldError
from holdfast.schema.number import NUMERAL, read_number

Operation: TypeAlias = Literal["set", "append", "prepend", "remove"]

LISTS: Final = frozenset(("select", "relation", "file"))  # types whose values can be added and taken away
NUMBERS: Final = frozenset((Kind.NUMBER, Kind.DECIMAL))
_EXACT: Final = Context(prec=3 * MAX_PRECISION)  # digits: the sum of any two values that a field can hold


class Change(msgspec.Struct, frozen=True):
    """One key of the body that names a field, and what it does to it."""

    operation: Operation
    value: Any


Changes: TypeAlias = Mapping[str, tuple[Change, ...]]
"""Field name to what a request does to it, in the order of the body. A field that is not there is not touched."""


def read_changes(collection: Collection, body: Mapping[str, Any]) -> Changes:
    """What the body does to which fields. Keys that name no field are left out, as in PocketBase."""
    found: dict[str, tuple[Change, ...]] = {}
    for key, value in body.items():
        field, operation = _named(collection, key)
        if field is not None:
            found[field.name] = (*found.get(field.name, ()), Change(operation, value))
    return found


def _named(collection: Collection, key: str) -> tuple[Field | None, Operation]:
    fields = collection.by_name
    if key in fields:
        return fields[key], "set"
    if key.endswith("+"):
        return fields.get(key[:-1]), "append"
    if key.endswith("-"):
        return fields.get(key[:-1]), "remove"
    if key.startswith("+"):
        return fields.get(key[1:]), "prepend"
    return None, "set"


def builds_on_old(changes: Iterable[Change]) -> bool:
    """Whether the outcome depends on the value that the field has."""
    first = next(iter(changes), None)
    return first is not None and first.operation != "set"


def outcome(field: Field, old: object, changes: Iterable[Change]) -> object:
    """What the field is given in the end, for `field.take`, when it now holds `old` (as it is bound or fetched).

    Raises FieldError for a modifier that the field's type does not have, and for one with a value that is none.
    """
    for change in changes:
        if change.operation == "set":
            old = change.value
        elif field.kind in NUMBERS and change.operation != "prepend":
            old = _summed(field, old, change)
        elif field.type in LISTS:
            old = _listed(field, old, change)
        else:
            raise FieldError("validation_invalid_modifier", f"A {field.type} field has no such modifier.")
    return old


def _listed(field: Field, old: object, change: Change) -> object:
    """A list with values put in or taken out; of a field with one value, the last of the list."""
    now = read_many(list(cast(list[object], old)) if isinstance(old, list | tuple) else old)
    given = read_many(change.value)
    match change.operation:
        case "append":
            now = now + given
        case "prepend":
            now = given + now
        case "remove":
            now = [value for value in now if value not in given]
        case "set":
            now = given
        case _:
            assert_never(change.operation)
    if field.many:
        return now
    return now[-1] if now else None


def _summed(field: Field, old: object, change: Change) -> object:
    sign = -1 if change.operation == "remove" else 1
    try:
        if field.kind is Kind.DECIMAL:
            return _EXACT.add(_decimal(old), sign * _decimal(change.value))
        return _number(old) + sign * _number(change.value)
    except (OverflowError, ArithmeticError) as failure:
        raise FieldError("validation_not_a_number", "Must be a number that can be added.") from failure


def _number(value: object) -> int | float:
    if value in (None, ""):
        return 0
    return value if isinstance(value, int) and not isinstance(value, bool) else read_number(value)


def _decimal(value: object) -> Decimal:
    if value in (None, ""):
        return Decimal(0)
    if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
        text = str(value).strip()
        if len(text) <= MAX_NUMERAL_CHARS and NUMERAL.fullmatch(text) is not None:
            found = Decimal(text)
            # The digits between the point and an exponent cost memory, so that 1e999999 stays out.
            if abs(found.adjusted()) <= MAX_NUMERAL_CHARS:
                return found
    raise FieldError("validation_not_a_number", 'Must be a number, best as a string: "12.50".')
