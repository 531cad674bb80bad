"""Number fields: double precision, or whole numbers that every JSON reader understands."""

import math
import re
from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.db.sql import raw
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.words import MAX_WHOLE

NUMERAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
MAX_NUMERAL_CHARS: Final = 400  # characters; the longest plain double has 309 digits before the point


class NumberField(Field, frozen=True, kw_only=True, tag="number"):
    """A number from `min` to `max`; with `onlyInt` a whole one within ±(2^53 - 1).

    As in PocketBase, 0 counts as no number: `required` refuses it, `min` and `max` let it pass.
    """

    min: float | None = None
    max: float | None = None
    only_int: bool = False

    kind: ClassVar[Kind] = Kind.NUMBER
    type: ClassVar[str] = "number"

    @override
    def column(self) -> Column:
        kind = "bigint" if self.only_int else "double precision"
        return Column(kind, not_null=not self.nullable, default=None if self.nullable else raw("0"))

    @property
    @override
    def cast(self) -> LiteralString:
        return "bigint" if self.only_int else "double precision"

    @override
    def read(self, value: object) -> object:
        if value == "":
            return self.empty()
        number = self._whole(value) if self.only_int else read_number(value)
        if not number:
            return number
        if self.min is not None and number < self.min:
            raise FieldError("validation_min_number_constraint", f"Must be {shown(self.min)} or more.")
        if self.max is not None and number > self.max:
            raise FieldError("validation_max_number_constraint", f"Must be {shown(self.max)} or less.")
        return number

    def _whole(self, value: object) -> int:
        number = value if isinstance(value, int) and not isinstance(value, bool) else read_number(value)
        if isinstance(number, float) and not number.is_integer():
            raise FieldError("validation_only_int_constraint", "Must be a whole number.")
        if abs(number) > MAX_WHOLE:
            raise FieldError("validation_out_of_range", f"Must be from -{MAX_WHOLE} to {MAX_WHOLE}.")
        return int(number)

    @override
    def zero(self) -> object:
        return 0 if self.only_int else 0.0

    @override
    def problems(self) -> dict[str, Problem]:
        found: dict[str, Problem] = {}
        for option, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and not math.isfinite(bound):
                found[option] = Problem("validation_not_a_number", "Must be a number.")
            elif bound is not None and self.only_int and bound % 1:
                found[option] = Problem("validation_only_int_constraint", "Must be a whole number.")
        if not found and self.min is not None and self.max is not None and self.max < self.min:
            found["max"] = Problem("validation_min_greater_equal_than_required", "Must not be less than min.")
        return found


def read_number(value: object) -> float:
    """A finite number, or a string that is the numeral of one (a form has no numbers). -0 becomes 0.

    Raises FieldError for anything else.
    """
    if isinstance(value, str):
        text = value.strip()
        if len(text) > MAX_NUMERAL_CHARS or NUMERAL.fullmatch(text) is None:
            raise FieldError("validation_not_a_number", "Must be a number.")
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError("validation_not_a_number", "Must be a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise FieldError("validation_not_a_number", "Must be a number that fits into 64 bits (up to about 1.8e308).")
    return number + 0.0


def shown(number: float) -> str:
    """A number as a person writes it: 5 and not 5.0."""
    return str(int(number)) if not number % 1 and abs(number) <= MAX_WHOLE else repr(number)
