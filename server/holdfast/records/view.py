"""One record by its id becomes one statement. Pure."""

from typing import Final

from holdfast.db.sql import EMPTY, Sql, named, qualified, raw
from holdfast.records.document import Document
from holdfast.records.list import BASE
from holdfast.rules.access import EVERY_ROW
from holdfast.schema.collection import Collection

RECORD_ID: Final = "id"
"""The name under which `Inputs.named` holds the id."""


def compile_view(collection: Collection, document: Document, rule: Sql) -> Sql:
    """The record as one row, or none: `item`, its JSON, and `version`, which changes whenever the row does.

    A view's rows have no version. `document` is made for the row BASE.
    """
    version = raw("NULL") if collection.is_view else BASE + raw(".xmin::text")
    return (
        raw("SELECT ")
        + document.sql
        + raw(" AS item, ")
        + version
        + raw(" AS version FROM ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" WHERE ")
        + BASE
        + raw('."id" = ')
        + named(RECORD_ID, "text")
        + (EMPTY if rule is EVERY_ROW else raw(" AND ") + rule)
    )
