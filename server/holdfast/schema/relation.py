"""Relation fields: the ids of records of another collection, or of the same one."""

from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.db.sql import Sql, raw
from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.choice import read_many, read_one
from holdfast.schema.field import EMPTY_MESSAGE, Column, Field, FieldError
from holdfast.schema.select import list_column

MAX_RECORD_ID_CHARS: Final = 255  # characters; ids are the client's to choose, and an index entry has its limit


class RelationField(Field, frozen=True, kw_only=True, tag="relation"):
    """One record (`maxSelect` 0 or 1) or many of the collection `collectionId`.

    With `cascadeDelete` a record goes with the one it points at. `minSelect` and `maxSelect` count ids.
    """

    collection_id: str = ""
    cascade_delete: bool = False
    min_select: int = 0
    max_select: int = 1

    kind: ClassVar[Kind] = Kind.TEXT
    type: ClassVar[str] = "relation"

    @property
    @override
    def many(self) -> bool:
        return self.max_select > 1

    @override
    def column(self) -> Column:
        if not self.many:
            return Column("text", not_null=False)
        return list_column(nullable=self.nullable)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text[]" if self.many else "text"

    @override
    def out(self, column: Sql) -> Sql:
        if self.many or self.nullable:
            return column
        return raw("coalesce(") + column + raw(", '')")

    @override
    def read(self, value: object) -> object:
        if not self.many:
            return self._checked(read_one(value)) or None
        found = [self._checked(id) for id in read_many(value)]
        if found and len(found) < self.min_select:
            raise FieldError("validation_not_enough_values", f"Needs at least {self.min_select} values.")
        if len(found) > self.max_select:
            raise FieldError("validation_too_many_values", f"Takes at most {self.max_select} values.")
        return found

    def _checked(self, id: str) -> str:
        if len(id) > MAX_RECORD_ID_CHARS:
            raise FieldError("validation_missing_rel_records", "There is no such record to point at.")
        return id

    @override
    def zero(self) -> object:
        return [] if self.many else None

    @override
    def problems(self) -> dict[str, Problem]:
        found: dict[str, Problem] = {}
        if not self.collection_id:
            found["collectionId"] = Problem("validation_required", EMPTY_MESSAGE)
        if self.min_select < 0:
            found["minSelect"] = Problem("validation_min_greater_equal_than_required", "Must be no less than 0.")
        if self.max_select < 0 or (self.min_select and self.max_select < self.min_select):
            found["maxSelect"] = Problem(
                "validation_min_greater_equal_than_required", "Must be no less than minSelect."
            )
        return found
