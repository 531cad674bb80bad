"""Select fields: one or many out of a fixed list of values."""

from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.db.sql import raw
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.choice import read_many, read_one
from holdfast.schema.field import EMPTY_MESSAGE, Column, Field, FieldError
from holdfast.schema.text import text_column

MAX_VALUES: Final = 10_000


class SelectField(Field, frozen=True, kw_only=True, tag="select"):
    """One of `values`, or up to `maxSelect` of them in the order sent.

    A system field has no values of its own: what it takes is known elsewhere (`roles`: the names of the roles).
    """

    values: tuple[str, ...] = ()
    max_select: int = 1

    kind: ClassVar[Kind] = Kind.TEXT
    type: ClassVar[str] = "select"

    @property
    @override
    def many(self) -> bool:
        return self.max_select > 1

    @override
    def column(self) -> Column:
        return list_column(nullable=self.nullable) if self.many else text_column(nullable=self.nullable)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text[]" if self.many else "text"

    @override
    def read(self, value: object) -> object:
        if not self.many:
            return self._known(read_one(value)) or self.empty()
        found = [self._known(item) for item in read_many(value)]
        if len(found) > self.max_select:
            raise FieldError("validation_too_many_values", f"Takes at most {self.max_select} values.")
        return found

    def _known(self, item: str) -> str:
        if item and item not in self.values and not self.system:
            raise FieldError("validation_invalid_value", f"{item[:100]!r} is none of the values of this field.")
        return item

    @override
    def zero(self) -> object:
        return [] if self.many else ""

    @override
    def problems(self) -> dict[str, Problem]:
        found: dict[str, Problem] = {}
        if self.system:
            if self.values:
                message = f"{self.name} is a field of the server's own here: give yours another name."
                found["values"] = Problem("validation_system_field_change", message)
            if not self.many:
                message = "This cannot be changed in a system field."
                found["maxSelect"] = Problem("validation_system_field_change", message)
            return found
        if not self.values:
            found["values"] = Problem("validation_required", EMPTY_MESSAGE)
        elif len(self.values) > MAX_VALUES:
            found["values"] = Problem("validation_too_many_values", f"Takes at most {MAX_VALUES} values.")
        elif "" in self.values or len(set(self.values)) < len(self.values):
            found["values"] = Problem("validation_invalid_value", "The values must differ, and none may be empty.")
        if self.max_select < 0:
            found["maxSelect"] = Problem("validation_out_of_range", "Must be 0 or more.")
        elif self.values and self.max_select > len(self.values):
            message = "Must not be more than there are values."
            found["maxSelect"] = Problem("validation_max_less_equal_than_required", message)
        return found


def list_column(*, nullable: bool) -> Column:
    """The column of every field that is a list of strings."""
    return Column("text[]", not_null=not nullable, default=None if nullable else raw("'{}'"))
