"""Bool fields."""

from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.db.sql import raw
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError

_TRUE: Final = frozenset(("true", "1", "t"))
_FALSE: Final = frozenset(("false", "0", "f", ""))


class BoolField(Field, frozen=True, kw_only=True, tag="bool"):
    """True or false; `required` means that it has to be true, as for terms that must be accepted."""

    kind: ClassVar[Kind] = Kind.BOOL
    type: ClassVar[str] = "bool"

    @override
    def column(self) -> Column:
        return Column("boolean", not_null=not self.nullable, default=None if self.nullable else raw("false"))

    @property
    @override
    def cast(self) -> LiteralString:
        return "boolean"

    @override
    def read(self, value: object) -> object:
        if isinstance(value, bool):
            return value
        if self.nullable and value == "":
            return None
        text = str(value).lower() if isinstance(value, str | int) else None
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise FieldError("validation_invalid_value", "Must be true or false.")

    @override
    def zero(self) -> object:
        return False
