"""The catalog's rows: read as one snapshot, written in the transaction of the change."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Connection, Row, Transaction
from holdfast.db.sql import Statement, raw, value
from holdfast.schema.app_options import AppOptions, renamed
from holdfast.schema.collection import Collection
from holdfast.schema.plugin_state import PluginState
from holdfast.schema.role import Role, with_new_names
from holdfast.schema.stored import from_stored, to_stored

CHANNEL: Final = "holdfast_catalog"  # NOTIFY with the new version, when a change is committed

# One statement is one snapshot: the rows are those of the version. `position` keeps the order of creation.
_LOAD: Final = Statement.of(
    raw(
        "SELECT c.version, s.definition::text AS definition, holdfast.stamp(s.created) AS created,"
        " holdfast.stamp(s.updated) AS updated"
        ", (SELECT coalesce(jsonb_agg(r.definition || jsonb_build_object('id', r.id, 'name', r.name,"
        " 'created', holdfast.stamp(r.created), 'updated', holdfast.stamp(r.updated)) ORDER BY r.position), '[]')::text"
        " FROM holdfast.roles AS r) AS roles"
        ", (SELECT value::text FROM holdfast.settings WHERE key = 'options') AS options"
        ", (SELECT value::text FROM holdfast.settings WHERE key = 'plugins') AS plugins"
        " FROM holdfast.catalog AS c LEFT JOIN holdfast.collections AS s ON true ORDER BY s.position"
    )
)
_VERSION: Final = Statement.of(raw("SELECT version FROM holdfast.catalog"))


async def load(connection: Connection) -> Catalog:
    """The collections, roles, options and states of plugins as the connection sees them now."""
    rows = await connection.fetch(_LOAD.text)
    collections = [_collection(row) for row in rows if row["definition"] is not None]
    roles = msgspec.json.decode(rows[0]["roles"], type=tuple[Role, ...])
    options = msgspec.json.decode(rows[0]["options"] or "{}", type=AppOptions)
    plugins = msgspec.json.decode(rows[0]["plugins"] or "{}", type=dict[str, PluginState])
    return Catalog.of(rows[0]["version"], collections, roles, options, plugins)


def _collection(row: Row) -> Collection:
    return from_stored(row["definition"], created=row["created"], updated=row["updated"])


async def read_version(connection: Connection) -> int:
    """The version that is committed now, or that this transaction has made."""
    return await connection.fetchval(_VERSION.text)


async def write(tx: Transaction, old: Catalog, new: Sequence[Collection]) -> Catalog:
    """Make the rows those of `new`, and tell all processes at the commit; returns the new snapshot.

    Rows that stay the same keep their `updated`. The caller holds the lock of schema changes.
    """
    moved = {collection.id for collection in new if old.by_id.get(collection.id) != collection}
    for gone in (collection for collection in old.collections if collection.id not in {one.id for one in new}):
        await tx.execute(raw("DELETE FROM holdfast.collections WHERE id = ") + value(gone.id, "text"))
    # A swap of two names passes through a state where both are taken: the old names go first.
    for id in moved & old.by_id.keys():
        await tx.execute(raw("UPDATE holdfast.collections SET name = ':' || id WHERE id = ") + value(id, "text"))
    for collection in new:
        if collection.id in moved:
            await _put(tx, collection, now=datetime.now(UTC))
    await _rename_labels(tx, old, new)
    await _rename_fields(tx, old, new)
    return await moved_on(tx)


async def _rename_labels(tx: Transaction, old: Catalog, new: Sequence[Collection]) -> None:
    """Let the rate limits of a collection (`posts:create`) follow its new name."""
    before = {collection.id: collection.name for collection in old.collections}
    names = {before[one.id]: one.name for one in new if one.id in before and before[one.id] != one.name}
    options = renamed(old.options, names)
    if options != old.options:
        await write_options(tx, options)


async def _rename_fields(tx: Transaction, old: Catalog, new: Sequence[Collection]) -> None:
    """Let the fields that permissions of roles name follow their new names."""
    roles = with_new_names(old.roles, old.collections, {collection.id: collection for collection in new})
    for role in (role for role in roles if role != old.roles_by_id[role.id]):
        permissions = msgspec.json.encode({"permissions": role.permissions}).decode()
        await tx.execute(
            raw("UPDATE holdfast.roles SET updated = now(), definition = definition || ")
            + value(permissions, "jsonb")
            + raw(" WHERE id = ")
            + value(role.id, "text")
        )


async def write_options(tx: Transaction, options: AppOptions) -> None:
    """Keep the options; `moved_on` then tells all processes."""
    await _write_setting(tx, "options", options)


async def write_plugins(tx: Transaction, plugins: Mapping[str, PluginState]) -> None:
    """Keep the states of plugins; `moved_on` then tells all processes."""
    await _write_setting(tx, "plugins", plugins)


async def _write_setting(tx: Transaction, key: str, content: object) -> None:
    await tx.execute(
        raw("INSERT INTO holdfast.settings (key, value) VALUES (")
        + value(key, "text")
        + raw(", ")
        + value(msgspec.json.encode(content).decode(), "jsonb")
        + raw(") ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated = now()")
    )


async def moved_on(tx: Transaction) -> Catalog:
    """Give the catalog its next version and tell all processes at the commit; returns the new snapshot."""
    version = await _bump(tx)
    written = await load(tx.connection)
    return Catalog.of(version, written.collections, written.roles, written.options, written.plugins)


async def _put(tx: Transaction, collection: Collection, now: datetime) -> None:
    await tx.execute(
        raw("INSERT INTO holdfast.collections AS c (id, name, type, system, definition, created, updated) VALUES (")
        + value(collection.id, "text")
        + raw(", ")
        + value(collection.name, "text")
        + raw(", ")
        + value(collection.type, "text")
        + raw(", ")
        + value(collection.system, "boolean")
        + raw(", ")
        + value(to_stored(collection), "jsonb")
        + raw(", ")
        + value(now, "timestamptz")
        + raw(", ")
        + value(now, "timestamptz")
        + raw(
            ") ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, system = excluded.system,"
            # Never older than the last: clocks of two servers differ, and clients compare `updated`.
            " definition = excluded.definition, updated = greatest(excluded.updated, c.updated + interval '1 ms')"
        )
    )


async def _bump(tx: Transaction) -> int:
    row = await tx.fetchrow(raw("UPDATE holdfast.catalog SET version = version + 1 RETURNING version"))
    if row is None:
        raise RuntimeError("holdfast.catalog has no row: the system schema is damaged")
    await tx.execute(
        raw("SELECT pg_notify(") + value(CHANNEL, "text") + raw(", ") + value(str(row["version"]), "text") + raw(")")
    )
    return row["version"]
