"""Password fields: written, never read."""

from functools import cached_property
from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.limits import bounds_problems, check_length
from holdfast.schema.pattern import Pattern, compile_pattern
from holdfast.schema.text import pattern_problem, text_column
from holdfast.schema.words import read_words

MAX_PASSWORD_BYTES: Final = 1024  # so that hashing costs the same for every password that is taken
MAX_COST: Final = 31


class PasswordField(Field, frozen=True, kw_only=True, tag="password"):
    """A password of `min` to `max` characters in which `pattern` is found; only its hash is stored.

    `take` gives the plain text: who writes it hashes it first. `cost` is kept for PocketBase's clients and
    means nothing here, because argon2id has parameters of its own.
    """

    min: int = 0
    max: int = 0
    pattern: str = ""
    cost: int = 0

    kind: ClassVar[Kind] = Kind.OPAQUE
    type: ClassVar[str] = "password"

    @property
    @override
    def readable(self) -> bool:
        return False

    @override
    def column(self) -> Column:
        return text_column(nullable=False)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text"

    @override
    def read(self, value: object) -> object:
        text = read_words(value)
        if not text:
            return text
        check_length(text, self.min, self.max or MAX_PASSWORD_BYTES)
        if len(text.encode()) > MAX_PASSWORD_BYTES:
            raise FieldError("validation_max_text_constraint", f"Must have at most {MAX_PASSWORD_BYTES} bytes.")
        if self._pattern is not None and self._pattern.search(text) is None:
            raise FieldError("validation_invalid_format", "Has not the form that this field asks for.")
        return text

    @cached_property
    def _pattern(self) -> Pattern | None:
        return compile_pattern(self.pattern) if self.pattern else None

    @override
    def zero(self) -> object:
        return ""

    @property
    @override
    def can_be_unique(self) -> bool:
        return False

    @property
    @override
    def can_be_null(self) -> bool:
        return False

    @override
    def problems(self) -> dict[str, Problem]:
        found = bounds_problems(self.min, self.max, limit=MAX_PASSWORD_BYTES)
        found.update(pattern_problem("pattern", self.pattern))
        if not 0 <= self.cost <= MAX_COST:
            found["cost"] = Problem("validation_out_of_range", f"Must be from 0 to {MAX_COST}.")
        return found
