"""What every field has, whatever its type."""

from typing import Any, ClassVar, Final, LiteralString

import msgspec

from holdfast.db.sql import Sql
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind

EMPTY_MESSAGE: Final = "This must not be empty."


class FieldError(Exception):
    """A value that a field does not take."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem: Problem = Problem(code, message)


class Column(msgspec.Struct, frozen=True):
    """The column that a field becomes: PostgreSQL's type, and the default if it is not null."""

    type: LiteralString | str
    not_null: bool
    default: Sql | None = None


class Field(msgspec.Struct, frozen=True, kw_only=True, dict=True, rename="camel", tag_field="type"):
    """What every field has. `id` stays when the field is renamed.

    `default` (a literal, `@now` or `@request.auth.id`) is used when a create does not name the field.
    With `nullable`, null is a value of its own, in and out.
    """

    id: str
    name: str
    system: bool = False
    hidden: bool = False
    presentable: bool = False
    required: bool = False
    help: str = ""
    nullable: bool = False
    unique: bool = False
    default: Any = None

    kind: ClassVar[Kind]
    type: ClassVar[str]

    @property
    def many(self) -> bool:
        """Whether the field holds a list of values (a PostgreSQL array)."""
        return False

    @property
    def readable(self) -> bool:
        """Whether the field's value can ever go out; a password's cannot, even to superusers."""
        return True

    def column(self) -> Column:
        """The column this field becomes."""
        raise NotImplementedError

    @property
    def cast(self) -> LiteralString:
        """The PostgreSQL type that a value from `take` is bound as."""
        raise NotImplementedError

    def out(self, column: Sql) -> Sql:
        """The SQL expression that gives the field's value as `row_to_json` shall write it.

        Null goes out as the type's empty value (`""`, `0`, `[]`), or as null where the field is nullable.
        """
        return column

    def take(self, value: object) -> object:
        """Check a value of the request and turn it into the one to bind, as `cast` says.

        Null is the empty value, unless the field is nullable; `take(None)` is thus also what an absent key means.
        Pure, so it cannot see other rows: uniqueness and whether a relation's target exists are the database's.
        Raises FieldError when the field does not take the value.
        """
        taken = self.empty() if value is None else self.read(value)
        if self.required and self.is_blank(taken):
            raise FieldError("validation_required", EMPTY_MESSAGE)
        return taken

    def read(self, value: object) -> object:
        """The part of `take` that is the type's own: every value but null, and nothing about `required`.

        Raises FieldError when the field does not take the value.
        """
        raise NotImplementedError

    def is_blank(self, taken: object) -> bool:
        """Whether a value that `read` gave counts as none at all (null, `""`, 0, false, an empty list)."""
        return not taken

    def empty(self) -> object:
        """The value to bind when a create names no value and the field has no default: null where it may be."""
        return None if self.nullable else self.zero()

    def zero(self) -> object:
        """The type's empty value, as it is bound."""
        raise NotImplementedError

    def initial(self, value: object) -> object:
        """The value to `take` on create, given the one of the request (None when absent).

        Only a field that makes values itself (text with `autogeneratePattern`) answers with another one.
        """
        return value

    @property
    def can_be_unique(self) -> bool:
        """Whether `unique` means something: one value that fits into an index entry."""
        return not self.many

    @property
    def can_be_null(self) -> bool:
        """Whether the field may be `nullable`."""
        return True

    @property
    def settable(self) -> bool:
        """Whether a request can set the field; what it sends for one that it cannot set is ignored."""
        return True

    def problems(self) -> dict[str, Problem]:
        """What is wrong with the field's own options, by option name."""
        return {}
