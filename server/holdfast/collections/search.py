"""What a collection's full-text index holds: the index and every query that wants to use it share this expression."""

from holdfast.collections.convert import Shape, shape
from holdfast.db.sql import Sql, join, name, raw
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field


def search_vector(collection: Collection, row: Sql | None = None) -> Sql:
    """The words of the fields in `searchable`, as a tsvector; `row` is the alias of the collection's row.

    PostgreSQL uses the index only where a query has the very expression that the index was made with.
    """
    columns = [_words(collection.by_name[field], row) for field in collection.searchable]
    return raw("to_tsvector('simple', holdfast.search_text(") + join(", ", columns) + raw("))")


def _words(field: Field, row: Sql | None) -> Sql:
    column = name(field.name) if row is None else row + raw(".") + name(field.name)
    match shape(field):
        case Shape.LIST:
            return raw("holdfast.list_words(") + column + raw(")")
        case Shape.JSON:
            return raw("holdfast.json_words(") + column + raw(")")
        case Shape.WORDS:
            return column
        case _:
            return column + raw("::text")
