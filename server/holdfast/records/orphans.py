"""Which rows a deferred constraint complains about: PostgreSQL names the constraint, not the row. Pure."""

from collections.abc import Sequence

from holdfast.catalog.snapshot import Reference
from holdfast.db.sql import Sql, name, qualified, raw, value
from holdfast.records.list import BASE
from holdfast.schema.collection import Collection


def compile_dangling(reference: Reference, target: Collection, ids: Sequence[str]) -> Sql:
    """Those of these rows of the referring collection that point at a record that is not there."""
    return (
        raw("SELECT ")
        + BASE
        + raw('."id" AS id FROM ')
        + qualified("public", reference.collection.name)
        + raw(" AS ")
        + BASE
        + raw(" WHERE ")
        + BASE
        + raw('."id" = ANY (')
        + value(list(ids), "text[]")
        + raw(") AND EXISTS (SELECT FROM ")
        + _links(reference)
        + raw(" WHERE NOT EXISTS (SELECT FROM ")
        + qualified("public", target.name)
        + raw(" AS target WHERE target.id = link.id))")
    )


def compile_needed(reference: Reference, ids: Sequence[str]) -> Sql:
    """Those of these deleted records of the target that a row of the referring collection still points at."""
    return (
        raw("SELECT DISTINCT link.id FROM ")
        + qualified("public", reference.collection.name)
        + raw(" AS ")
        + BASE
        + raw(", LATERAL ")
        + _links(reference)
        + raw(" WHERE link.id = ANY (")
        + value(list(ids), "text[]")
        + raw(")")
    )


def _links(reference: Reference) -> Sql:
    """The ids that a row points at, as `link(id)`."""
    column = BASE + raw(".") + name(reference.field.name)
    if reference.field.many:
        return raw("unnest(") + column + raw(") AS link(id)")
    return raw("(SELECT ") + column + raw(" AS id WHERE ") + column + raw(" IS NOT NULL) AS link")
