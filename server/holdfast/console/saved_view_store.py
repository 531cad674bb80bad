"""The rows of saved views."""

from typing import Final

import asyncpg
import msgspec

from holdfast.console.saved_view import SavedView, ViewState
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import EMPTY, raw, value
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.schema.ids import new_id

_COLUMNS: Final = raw(
    "SELECT v.id, v.collection_id, v.owner, v.name, v.sharing, v.state::text AS state,"
    " holdfast.stamp(v.created) AS created, holdfast.stamp(v.updated) AS updated FROM holdfast.saved_views AS v"
)


async def seen_views(tx: Transaction, who: str, collection_id: str = "") -> list[SavedView]:
    """The views that a principal sees, of one collection or of all, by name."""
    of_it = raw(" AND v.collection_id = ") + value(collection_id, "text") if collection_id else EMPTY
    seen = raw(" WHERE (v.sharing <> 'private' OR v.owner = ") + value(who, "text") + raw(")")
    return [_view(row) for row in await tx.fetch(_COLUMNS + seen + of_it + raw(" ORDER BY lower(v.name), v.id"))]


async def get_view(tx: Transaction, id: str, who: str) -> SavedView:
    """One view, locked. Raises NotFound for one that is not there, or that the principal does not see."""
    row = await tx.fetchrow(_COLUMNS + raw(" WHERE v.id = ") + value(id, "text") + raw(" FOR UPDATE"))
    found = None if row is None else _view(row)
    if found is None or (found.sharing == "private" and found.owner != who):
        raise NotFound("There is no saved view of that id.")
    return found


async def put_view(tx: Transaction, view: SavedView) -> SavedView:
    """Write a view, a new one when it has no id. Raises ValidationFailed if its owner has one of that name."""
    id = view.id or new_id()
    columns = (id, view.collection_id, view.owner, view.name, view.sharing)
    sql = raw("INSERT INTO holdfast.saved_views AS v (id, collection_id, owner, name, sharing, state) VALUES (")
    for column in columns:
        sql += value(column, "text") + raw(", ")
    sql += value(msgspec.json.encode(view.state).decode(), "jsonb")
    sql += raw(
        ") ON CONFLICT (id) DO UPDATE SET name = excluded.name, sharing = excluded.sharing, state = excluded.state,"
        " updated = now()"
    )
    try:
        await tx.execute(sql)
    except asyncpg.UniqueViolationError as failure:
        taken = Problem("validation_not_unique", "Another view of this collection has the name.")
        raise ValidationFailed({"name": taken}) from failure
    return await get_view(tx, id, view.owner)


async def delete_view(tx: Transaction, id: str) -> None:
    """Delete a view."""
    await tx.execute(raw("DELETE FROM holdfast.saved_views WHERE id = ") + value(id, "text"))


def _view(row: Row) -> SavedView:
    return SavedView(
        id=row["id"],
        collection_id=row["collection_id"],
        owner=row["owner"],
        name=row["name"],
        sharing=row["sharing"],
        state=msgspec.json.decode(row["state"], type=ViewState),
        created=row["created"],
        updated=row["updated"],
    )
