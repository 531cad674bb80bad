"""The default of a field: checked when the field is saved, filled in when a record is made without a value."""

from collections.abc import Mapping
from typing import Final

from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.autodate import AutodateField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.file import FileField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.text import TextField

NOW: Final = "@now"
CALLER: Final = "@request.auth.id"
MACROS: Final[Mapping[str, str]] = {
    NOW: "date fields",
    CALLER: "text and relation fields",
}


def default_problem(field: Field) -> Problem | None:
    """What is wrong with a field's `default`; null is none."""
    if field.default is None:
        return None
    if isinstance(field, AutodateField | PasswordField | FileField) or is_key(field):
        return Problem("validation_invalid_value", f"A field of this type ({field.type}) has no default.")
    if isinstance(field.default, str) and field.default in MACROS:
        return _macro_problem(field, field.default)
    try:
        field.take(field.default)
    except FieldError as failure:
        return Problem(failure.problem.code, f"The field does not take its own default: {failure}")
    return None


def _macro_problem(field: Field, macro: str) -> Problem | None:
    fits = field.kind is Kind.DATE if macro == NOW else isinstance(field, TextField | RelationField)
    return None if fits else Problem("validation_invalid_value", f"{macro} is for {MACROS[macro]}.")


def is_key(field: Field) -> bool:
    """Whether the field is the id."""
    return isinstance(field, TextField) and field.primary_key
