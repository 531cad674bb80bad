"""Vector fields: a fixed number of floats, for nearest-neighbour search with pgvector."""

from typing import ClassVar, Final, Literal, LiteralString, cast

import msgspec
from typing_extensions import override

from holdfast.db.sql import Sql, raw
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.number import read_number

MAX_DIMENSIONS: Final = 16_000  # pgvector's limit for the type `vector`
MAX_FLOAT32: Final = 3.4028234663852886e38


class VectorField(Field, frozen=True, kw_only=True, tag="vector"):
    """`dimensions` numbers, kept as 32-bit floats and compared by `metric`."""

    dimensions: int = 0
    metric: Literal["cosine", "l2", "ip"] = "cosine"

    kind: ClassVar[Kind] = Kind.OPAQUE
    type: ClassVar[str] = "vector"

    @override
    def column(self) -> Column:
        return Column(f"public.vector({int(self.dimensions)})", not_null=False)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text::public.vector"  # bound as text: the driver knows no type of an extension

    @override
    def out(self, column: Sql) -> Sql:
        return column + raw("::text::json")

    @override
    def read(self, value: object) -> object:
        """The vector as pgvector writes it: `[1.0,2.5]`."""
        if value == "":
            return None
        items = _items(value)
        if len(items) != self.dimensions:
            raise FieldError("validation_invalid_value", f"Must be a list of {self.dimensions} numbers.")
        numbers = [read_number(item) for item in items]
        if any(abs(number) > MAX_FLOAT32 for number in numbers):
            raise FieldError("validation_out_of_range", "Each number must fit into 32 bits (up to about 3.4e38).")
        return "[" + ",".join(map(repr, numbers)) + "]"

    @override
    def zero(self) -> object:
        return None

    @property
    @override
    def can_be_unique(self) -> bool:
        return False

    @override
    def problems(self) -> dict[str, Problem]:
        if 1 <= self.dimensions <= MAX_DIMENSIONS:
            return {}
        return {"dimensions": Problem("validation_out_of_range", f"Must be from 1 to {MAX_DIMENSIONS}.")}


def _items(value: object) -> list[object]:
    found = value
    if isinstance(value, str):
        try:
            found = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            found = None
    if not isinstance(found, list):
        raise FieldError("validation_invalid_value", "Must be a list of numbers.")
    return cast(list[object], found)
