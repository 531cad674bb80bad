"""Autodate fields: when a record was made or last changed."""

from typing import ClassVar, LiteralString

from typing_extensions import override

from holdfast.db.sql import Sql, raw
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.date import date_out, read_date
from holdfast.schema.field import Column, Field


class AutodateField(Field, frozen=True, kw_only=True, tag="autodate"):
    """The server sets it, `onCreate` and `onUpdate`; what a request sends for it is ignored."""

    on_create: bool = False
    on_update: bool = False

    kind: ClassVar[Kind] = Kind.DATE
    type: ClassVar[str] = "autodate"

    @override
    def column(self) -> Column:
        if not self.on_create:
            return Column("timestamptz", not_null=False)
        # Cut to milliseconds, so that a filter with the date that went out finds the row again.
        return Column("timestamptz", not_null=True, default=raw("date_trunc('milliseconds', now())"))

    @property
    @override
    def cast(self) -> LiteralString:
        return "timestamptz"

    @override
    def out(self, column: Sql) -> Sql:
        return date_out(column, nullable=False)

    @override
    def read(self, value: object) -> object:
        return read_date(value)

    @override
    def zero(self) -> object:
        return None

    @property
    @override
    def settable(self) -> bool:
        return False

    @property
    @override
    def can_be_null(self) -> bool:
        return False

    @override
    def problems(self) -> dict[str, Problem]:
        if self.on_create or self.on_update:
            return {}
        message = "Set onCreate, onUpdate or both: otherwise the field never has a value."
        return {"onCreate": Problem("validation_required", message)}
