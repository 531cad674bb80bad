"""Indexes of a collection: read from PocketBase's statements, kept as values, written anew."""

from collections.abc import Mapping
from typing import Final, LiteralString

import msgspec

from holdfast.db.sql import Sql, join, name, qualified, raw
from holdfast.expressions.kind import Kind
from holdfast.schema.collection import Collection
from holdfast.schema.condition import Condition, InvalidIndex, condition_sql, condition_text, fields_of, renamed
from holdfast.schema.field import Field

FUNCTIONS: Final[Mapping[str, LiteralString]] = {"lower": "lower(", "upper": "upper(", "length": "length("}
MAX_PARTS: Final = 16  # PostgreSQL takes 32; nobody needs so many
_NO_ORDER: Final = frozenset((Kind.POINT, Kind.JSON, Kind.OPAQUE))


class IndexPart(msgspec.Struct, frozen=True):
    """One column of an index: a field, or a function of it; `folded` is SQLite's COLLATE NOCASE."""

    field: str
    function: str = ""
    folded: bool = False
    descending: bool = False


class Index(msgspec.Struct, frozen=True):
    """An index that somebody declared."""

    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    where: Condition | None = None

    @property
    def fields(self) -> frozenset[str]:
        """The names of all fields that the index needs."""
        used = frozenset(part.field for part in self.parts)
        return used if self.where is None else used | fields_of(self.where)

    @property
    def sole_unique_field(self) -> str | None:
        """The field whose values the index keeps unique, where it is one field alone."""
        alone = self.unique and len(self.parts) == 1 and self.parts[0].function != "length"
        return self.parts[0].field if alone else None


def index_text(index: Index, collection: str) -> str:
    """The statement as the API shows it, in the one spelling that we give it."""
    parts = ", ".join(_part_text(part) for part in index.parts)
    where = f" WHERE {condition_text(index.where)}" if index.where is not None else ""
    return f"CREATE {'UNIQUE ' if index.unique else ''}INDEX `{index.name}` ON `{collection}` ({parts}){where}"


def _part_text(part: IndexPart) -> str:
    text = f"{part.function}(`{part.field}`)" if part.function else f"`{part.field}`"
    return text + (" COLLATE NOCASE" if part.folded else "") + (" DESC" if part.descending else "")


def check_index(index: Index, fields: Mapping[str, Field]) -> None:
    """Check that PostgreSQL can build the index over these fields.

    Raises InvalidIndex.
    """
    missing = sorted(index.fields - fields.keys())
    if missing:
        raise InvalidIndex(f"There is no field {missing[0]}.")
    for part in index.parts:
        _check_part(part, fields[part.field])
    if index.where is not None:
        condition_sql(index.where, fields)


def _check_part(part: IndexPart, field: Field) -> None:
    if field.kind in _NO_ORDER:
        raise InvalidIndex(f"{field.name}, of type {field.type}, has no order and cannot be in an index.")
    if (part.function or part.folded) and (field.kind is not Kind.TEXT or field.many):
        word = part.function or "COLLATE NOCASE"
        raise InvalidIndex(f"{word} is for text, and {field.name} is none.")


def index_sql(index: Index, collection: Collection) -> Sql:
    """The statement that builds the index, without CONCURRENTLY.

    Raises InvalidIndex for an index that does not fit the collection; one that was saved does.
    """
    fields = collection.by_name
    check_index(index, fields)
    gin = _is_gin(index, fields)
    sql = raw("CREATE UNIQUE INDEX ") if index.unique else raw("CREATE INDEX ")
    sql += name(index.name) + raw(" ON ") + qualified("public", collection.name)
    sql += raw(" USING gin (") if gin else raw(" (")
    sql += join(", ", [_part_sql(part, fields[part.field], plain=gin) for part in index.parts]) + raw(")")
    if index.unique and _nulls_are_values(index, fields):
        sql += raw(" NULLS NOT DISTINCT")
    return sql if index.where is None else sql + raw(" WHERE ") + condition_sql(index.where, fields)


def _is_gin(index: Index, fields: Mapping[str, Field]) -> bool:
    """An index on one field that holds many values is for finding one of them."""
    return not index.unique and len(index.parts) == 1 and fields[index.parts[0].field].many


def _nulls_are_values(index: Index, fields: Mapping[str, Field]) -> bool:
    """Whether an empty value may come only once, as in PocketBase, although empty is stored as NULL."""
    indexed = [fields[part.field] for part in index.parts]
    return all(not field.nullable for field in indexed) and any(not field.column().not_null for field in indexed)


def _part_sql(part: IndexPart, field: Field, *, plain: bool) -> Sql:
    column = name(part.field)
    if part.folded:
        column = raw("lower(") + column + raw(")")
    if part.function:
        column = raw(FUNCTIONS[part.function]) + column + raw(")")
    if plain:
        return column
    if field.column().not_null:
        return column + raw(" DESC") if part.descending else column
    # Empty sorts first, so that is how the index has to lie for an ORDER BY to use it.
    return column + (raw(" DESC NULLS LAST") if part.descending else raw(" ASC NULLS FIRST"))


def rename_fields(index: Index, names: Mapping[str, str]) -> Index:
    """The index after fields were renamed (old name to new)."""
    parts = tuple(msgspec.structs.replace(part, field=names.get(part.field, part.field)) for part in index.parts)
    where = None if index.where is None else renamed(index.where, names)
    return msgspec.structs.replace(index, parts=parts, where=where)
