"""The rows of saved queries."""

from typing import Final

import asyncpg

from holdfast.console.saved_query import SavedQuery
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import raw, value
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.schema.ids import new_id

_COLUMNS: Final = raw(
    "SELECT q.id, q.owner, q.name, q.shared, q.sql,"
    " holdfast.stamp(q.created) AS created, holdfast.stamp(q.updated) AS updated FROM holdfast.saved_queries AS q"
)


async def seen_queries(tx: Transaction, who: str) -> list[SavedQuery]:
    """The queries that a principal sees, by name."""
    sql = _COLUMNS + raw(" WHERE q.shared OR q.owner = ") + value(who, "text") + raw(" ORDER BY lower(q.name), q.id")
    return [_query(row) for row in await tx.fetch(sql)]


async def get_query(tx: Transaction, id: str, who: str) -> SavedQuery:
    """One query, locked. Raises NotFound for one that is not there, or that the principal does not see."""
    row = await tx.fetchrow(_COLUMNS + raw(" WHERE q.id = ") + value(id, "text") + raw(" FOR UPDATE"))
    found = None if row is None else _query(row)
    if found is None or not (found.shared or found.owner == who):
        raise NotFound("There is no saved query of that id.")
    return found


async def put_query(tx: Transaction, query: SavedQuery) -> SavedQuery:
    """Write a query, a new one when it has no id. Raises ValidationFailed if its owner has one of that name."""
    id = query.id or new_id()
    sql = raw("INSERT INTO holdfast.saved_queries (id, owner, name, sql, shared) VALUES (")
    for column in (id, query.owner, query.name, query.sql):
        sql += value(column, "text") + raw(", ")
    sql += value(query.shared, "boolean")
    sql += raw(
        ") ON CONFLICT (id) DO UPDATE SET name = excluded.name, sql = excluded.sql, shared = excluded.shared,"
        " updated = now()"
    )
    try:
        await tx.execute(sql)
    except asyncpg.UniqueViolationError as failure:
        taken = Problem("validation_not_unique", "Another query of yours has the name.")
        raise ValidationFailed({"name": taken}) from failure
    return await get_query(tx, id, query.owner)


async def delete_query(tx: Transaction, id: str) -> None:
    """Delete a query."""
    await tx.execute(raw("DELETE FROM holdfast.saved_queries WHERE id = ") + value(id, "text"))


def _query(row: Row) -> SavedQuery:
    return SavedQuery(
        id=row["id"],
        owner=row["owner"],
        name=row["name"],
        shared=row["shared"],
        sql=row["sql"],
        created=row["created"],
        updated=row["updated"],
    )
