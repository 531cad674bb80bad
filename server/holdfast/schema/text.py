"""Text fields, among them the record's id."""

from functools import cached_property
from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.db.sql import Sql, raw
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.field import EMPTY_MESSAGE, Column, Field, FieldError
from holdfast.schema.generator import generate, read_generator
from holdfast.schema.ids import ID_PATTERN, new_id
from holdfast.schema.limits import bounds_problems, check_length
from holdfast.schema.pattern import InvalidPattern, Pattern, compile_pattern
from holdfast.schema.words import read_words

DEFAULT_MAX_CHARS: Final = 5000  # characters where `max` is 0, as in PocketBase
MAX_KEY_CHARS: Final = 255  # characters of an id: it goes into paths and index entries
_FORBIDDEN_IN_KEYS: Final = frozenset("/\\?#%")


class TextField(Field, frozen=True, kw_only=True, tag="text"):
    """A string of `min` to `max` characters (0: no minimum, and 5,000) in which `pattern` is found.

    A record that comes without a value gets one made from `autogeneratePattern`. The id is the text field
    with `primaryKey`.
    """

    min: int = 0
    max: int = 0
    pattern: str = ""
    autogenerate_pattern: str = ""
    primary_key: bool = False

    kind: ClassVar[Kind] = Kind.TEXT
    type: ClassVar[str] = "text"

    @override
    def column(self) -> Column:
        if self.primary_key:
            return Column("text", not_null=True)
        return text_column(nullable=self.nullable)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text"

    @override
    def out(self, column: Sql) -> Sql:
        return column

    @override
    def read(self, value: object) -> object:
        text = read_words(value)
        if not text:
            return text
        check_length(text, self.min, self.max or DEFAULT_MAX_CHARS)
        if self._pattern is not None and self._pattern.search(text) is None:
            raise FieldError("validation_invalid_format", f"Must match the pattern {self.pattern}.")
        if self.primary_key and (len(text) > MAX_KEY_CHARS or not text.isprintable() or _FORBIDDEN_IN_KEYS & set(text)):
            raise FieldError("validation_pk_forbidden", "An id must not hold / \\ ? # % or control characters.")
        return text

    @cached_property
    def _pattern(self) -> Pattern | None:
        return compile_pattern(self.pattern) if self.pattern else None

    @override
    def zero(self) -> object:
        return ""

    @override
    def initial(self, value: object) -> object:
        if value not in (None, "") or not self.autogenerate_pattern:
            return value
        # The usual ids are made in time order: new rows then stay together in the index of the primary key.
        if self.primary_key and self.autogenerate_pattern == ID_PATTERN:
            return new_id()
        return generate(self.autogenerate_pattern)

    @property
    @override
    def can_be_null(self) -> bool:
        return not self.primary_key

    @override
    def problems(self) -> dict[str, Problem]:
        found = bounds_problems(self.min, self.max)
        found.update(pattern_problem("pattern", self.pattern))
        if self.primary_key:
            found.update(self._key_problems())
        if found or not self.autogenerate_pattern:
            return found
        return self._generator_problem()

    def _key_problems(self) -> dict[str, Problem]:
        found: dict[str, Problem] = {}
        if self.name != "id":
            found["primaryKey"] = Problem("validation_invalid_value", "Only the field `id` is the primary key.")
        if not self.pattern:
            found["pattern"] = Problem("validation_required", EMPTY_MESSAGE)
        if not self.required:
            found["required"] = Problem("validation_required", "The primary key is always required.")
        if self.hidden:
            found["hidden"] = Problem("validation_invalid_value", "The primary key cannot be hidden.")
        return found

    def _generator_problem(self) -> dict[str, Problem]:
        try:
            read_generator(self.autogenerate_pattern)
            for _ in range(10):
                self.read(generate(self.autogenerate_pattern))
        except InvalidPattern as failure:
            message = f"Values cannot be made from this pattern: {failure}."
            return {"autogeneratePattern": Problem("validation_invalid_autogenerate_pattern", message)}
        except FieldError as failure:
            message = f"It makes values that the field itself refuses: {failure}"
            return {"autogeneratePattern": Problem("validation_invalid_autogenerate_pattern_value", message)}
        return {}


def text_column(*, nullable: bool) -> Column:
    """The column of every field that is one string."""
    return Column("text", not_null=not nullable, default=None if nullable else raw("''"))


def pattern_problem(option: str, pattern: str) -> dict[str, Problem]:
    """What is wrong with a pattern option."""
    if not pattern:
        return {}
    try:
        compile_pattern(pattern)
    except InvalidPattern as failure:
        return {option: Problem("validation_invalid_regex", f"This is no regular expression of RE2: {failure}.")}
    return {}
