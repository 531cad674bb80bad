"""Decimal fields: exact numbers, for money and measures. They travel as JSON strings."""

from decimal import Context, Decimal, InvalidOperation
from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.db.sql import Sql, raw
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.number import NUMERAL

MAX_PRECISION: Final = 1000  # digits; PostgreSQL's limit for a declared numeric
MAX_NUMERAL_CHARS: Final = 1100
_EXACT: Final = Context(prec=MAX_PRECISION + 100, Emax=999_999, Emin=-999_999)
_SAFE_DIGITS: Final = 15  # a double keeps any decimal number of so many digits


class DecimalField(Field, frozen=True, kw_only=True, tag="decimal"):
    """A number of at most `precision` digits, `scale` of them after the point, from `min` to `max`."""

    precision: int = 18
    scale: int = 2
    min: Decimal | None = None
    max: Decimal | None = None

    kind: ClassVar[Kind] = Kind.DECIMAL
    type: ClassVar[str] = "decimal"

    @override
    def column(self) -> Column:
        return Column(
            f"numeric({int(self.precision)},{int(self.scale)})",
            not_null=not self.nullable,
            default=None if self.nullable else raw("0"),
        )

    @property
    @override
    def cast(self) -> LiteralString:
        return "numeric"

    @override
    def out(self, column: Sql) -> Sql:
        return column + raw("::text")

    @override
    def read(self, value: object) -> object:
        if value == "":
            return self.empty()
        number = self._fitted(_number(value))
        if not number:
            return number
        if self.min is not None and number < self.min:
            raise FieldError("validation_min_number_constraint", f"Must be {self.min} or more.")
        if self.max is not None and number > self.max:
            raise FieldError("validation_max_number_constraint", f"Must be {self.max} or less.")
        return number

    def _fitted(self, number: Decimal) -> Decimal:
        """The number with exactly `scale` digits after the point, which must not change it."""
        whole = self.precision - self.scale
        if number and number.adjusted() >= whole:
            raise FieldError("validation_too_many_digits", f"Must have at most {whole} digits before the point.")
        fitted = number.quantize(Decimal(1).scaleb(-self.scale, _EXACT), context=_EXACT)
        if fitted != number:
            raise FieldError("validation_too_many_digits", f"Must have at most {self.scale} digits after the point.")
        return fitted if fitted else abs(fitted)

    @override
    def zero(self) -> object:
        return Decimal(0).quantize(Decimal(1).scaleb(-self.scale, _EXACT), context=_EXACT)

    @override
    def problems(self) -> dict[str, Problem]:
        if not 1 <= self.precision <= MAX_PRECISION:
            return {"precision": Problem("validation_out_of_range", f"Must be from 1 to {MAX_PRECISION}.")}
        if not 0 <= self.scale <= self.precision:
            return {"scale": Problem("validation_out_of_range", "Must be from 0 to precision.")}
        for option, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and not bound.is_finite():
                return {option: Problem("validation_not_a_number", "Must be a number.")}
        if self.min is not None and self.max is not None and self.max < self.min:
            return {"max": Problem("validation_min_greater_equal_than_required", "Must not be less than min.")}
        return {}


def _number(value: object) -> Decimal:
    if isinstance(value, float):
        return _from_float(value)
    if isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    else:
        text = value.strip() if isinstance(value, str) else ""
    if len(text) > MAX_NUMERAL_CHARS or NUMERAL.fullmatch(text) is None:
        raise FieldError("validation_not_a_number", 'Must be a number, best as a string: "12.50".')
    try:
        return _EXACT.create_decimal(text)
    except InvalidOperation:
        raise FieldError("validation_not_a_number", "Must be a number of a reasonable size.") from None


def _from_float(value: float) -> Decimal:
    """The decimal number that was written, where a double can tell; otherwise it could have lost digits on its way."""
    number = Decimal(repr(value))
    if not number.is_finite() or abs(number) >= 10**_SAFE_DIGITS or len(number.as_tuple().digits) > _SAFE_DIGITS:
        message = f'A number of more than {_SAFE_DIGITS} digits has to be sent as a string: "12.50".'
        raise FieldError("validation_not_a_number", message)
    return number
