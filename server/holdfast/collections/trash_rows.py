"""The rows of holdfast.trash: what was dropped, and until when it is kept."""

from typing import Any, cast

import msgspec

from holdfast.collections.step import Keep
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import join, raw, value
from holdfast.errors import NotFound


class Dropped(msgspec.Struct, frozen=True, rename="camel"):
    """Something in the trash, as the API shows it. Dates are as the API writes them."""

    id: str
    kind: str
    collection_id: str
    collection_name: str
    field_id: str
    field_name: str
    rows: int
    bytes: int
    dropped: str
    expires: str


class DroppedWhole(msgspec.Struct, frozen=True):
    """The same with what it takes to bring it back; `table` is empty for what had no rows (a view)."""

    shown: Dropped
    definition: dict[str, Any]
    table: str


_COLUMNS = raw(
    "SELECT id, kind, collection_id, collection_name, coalesce(field_id, '') AS field_id,"
    " coalesce(field_name, '') AS field_name, rows, bytes, holdfast.stamp(dropped) AS dropped,"
    " holdfast.stamp(expires) AS expires, definition::text AS definition, table_name FROM holdfast.trash"
)


async def insert(tx: Transaction, keep: Keep, *, rows: int, days: int) -> None:
    """Note what was dropped; its table lies in schema holdfast_trash already."""
    field = keep.field
    table = keep.table
    await tx.execute(
        raw(
            "INSERT INTO holdfast.trash (id, kind, collection_id, collection_name, field_id, field_name, definition,"
            " table_name, rows, bytes, expires) SELECT "
        )
        + join(
            ", ",
            [
                value(keep.id, "text"),
                value(keep.kind, "text"),
                value(keep.collection.id, "text"),
                value(keep.collection.name, "text"),
                value(None if field is None else field.id, "text"),
                value(None if field is None else field.name, "text"),
                value(msgspec.json.encode(keep.definition).decode(), "jsonb"),
                value(table, "text"),
                value(rows, "bigint"),
                raw("coalesce(pg_total_relation_size(to_regclass(")
                + value(f"holdfast_trash.{table}" if table else "", "text")
                + raw(")), 0)"),
                raw("now() + make_interval(days => ") + value(days, "integer") + raw(")"),
            ],
        )
    )


async def all_of(tx: Transaction) -> list[DroppedWhole]:
    """Everything in the trash, what was dropped last first."""
    return [_read(row) for row in await tx.fetch(_COLUMNS + raw(" ORDER BY trash.dropped DESC, id"))]


async def get(tx: Transaction, id: str) -> DroppedWhole:
    """One of them. Raises NotFound."""
    row = await tx.fetchrow(_COLUMNS + raw(" WHERE id = ") + value(id, "text") + raw(" FOR UPDATE"))
    if row is None:
        raise NotFound("There is nothing of that id in the trash.")
    return _read(row)


async def expired(tx: Transaction, most: int) -> list[DroppedWhole]:
    """What is to be kept no longer; what somebody is bringing back just now is passed over."""
    due = raw(" WHERE expires <= now() ORDER BY trash.expires LIMIT ") + value(most, "bigint")
    return [_read(row) for row in await tx.fetch(_COLUMNS + due + raw(" FOR UPDATE SKIP LOCKED"))]


async def ids(tx: Transaction) -> frozenset[str]:
    """The ids that are taken."""
    return frozenset(row["id"] for row in await tx.fetch(raw("SELECT id FROM holdfast.trash")))


async def forget(tx: Transaction, id: str) -> None:
    """Delete the row; the table goes apart."""
    await tx.execute(raw("DELETE FROM holdfast.trash WHERE id = ") + value(id, "text"))


def _read(row: Row) -> DroppedWhole:
    shown = {key: row[key] for key in Dropped.__struct_fields__}
    definition = cast(dict[str, Any], msgspec.json.decode(row["definition"]))
    return DroppedWhole(Dropped(**shown), definition, row["table_name"])
