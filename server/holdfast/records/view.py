"""One record by its id becomes one statement. Pure."""

from typing import Final

from holdfast.db.sql import EMPTY, Sql, literal, named, number, raw
from holdfast.expressions.value import ALWAYS
from holdfast.records.document import Document
from holdfast.records.list import BASE, MAX_ANSWER_BYTES, OVERSIZE
from holdfast.records.past import Past, source
from holdfast.schema.collection import Collection

RECORD_ID: Final = "id"
"""The name under which `Inputs.named` holds the id."""


def compile_view(collection: Collection, document: Document, rule: Sql, past: Past = "") -> Sql:
    """The record as one row, or none: `item`, its JSON, and `version`, which changes whenever the row does.

    An item of more than MAX_ANSWER_BYTES with all that is expanded in it is OVERSIZE. A view's rows have no version,
    and what is past has none.
    `document` is made for the row BASE.
    """
    version = raw("NULL") if collection.is_view or past else BASE + raw(".xmin::text")
    record = (
        raw("SELECT ")
        + document.sql
        + raw(" AS item, ")
        + version
        + raw(" AS version FROM ")
        + source(collection, past)
        + raw(" AS ")
        + BASE
        + raw(" WHERE ")
        + BASE
        + raw('."id" = ')
        + named(RECORD_ID, "text")
        + (EMPTY if rule is ALWAYS else raw(" AND ") + rule)
    )
    if not document.nested:
        return record
    # OFFSET, or PostgreSQL would merge the two and make the record twice.
    size = raw("octet_length(answer.item) > ") + number(MAX_ANSWER_BYTES)
    item = raw("SELECT CASE WHEN ") + size + raw(" THEN ") + literal(OVERSIZE) + raw(" ELSE answer.item END AS item")
    return item + raw(", answer.version FROM (") + record + raw(" OFFSET 0) AS answer")
