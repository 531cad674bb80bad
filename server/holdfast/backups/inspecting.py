"""What an archive holds beside what there is now: what would come back, and what would be gone."""

from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.backups import shelf
from holdfast.backups.manifest import CollectionThen, Manifest
from holdfast.backups.shelf import Backup
from holdfast.backups.snapshot import count_rows
from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Connection
from holdfast.db.sql import Sql, inline, join, name, qualified, raw
from holdfast.engine import Engine
from holdfast.expressions.moment import read_moment
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection

_FILES: Final = "SELECT count(*) AS count, coalesce(sum(size), 0)::bigint AS bytes FROM holdfast.files"
Change: TypeAlias = Literal["same", "changed", "gone", "back"]


class FieldChanges(msgspec.Struct, frozen=True):
    """Names of fields that come back, that would be gone, and that were of another name or type."""

    back: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Compared(msgspec.Struct, frozen=True, rename="camel"):
    """A collection then and now. `newer` counts the records that were made or changed since; None: nobody knows."""

    id: str
    name: str
    name_now: str
    type: str
    change: Change
    fields: FieldChanges
    rows_then: int | None
    rows_now: int | None
    newer: int | None


class FilesCompared(msgspec.Struct, frozen=True, rename="camel"):
    """Files of records then and now, and their bytes."""

    then: int
    now: int
    bytes_then: int
    bytes_now: int


class Inspection(msgspec.Struct, frozen=True):
    """All of it. `newer` counts the records of all collections that would be gone, or as they were before."""

    backup: Backup
    collections: tuple[Compared, ...]
    newer: int
    files: FilesCompared
    restorable: bool
    problem: str


async def inspect(engine: Engine, key: str) -> Inspection:
    """Compare an archive with what there is now. Counts all records. Raises NotFound and Unavailable."""
    known = await shelf.find_known(engine, key)
    backup = shelf.shown(engine, known)
    if known.manifest is None:
        return Inspection(backup, (), 0, FilesCompared(0, 0, 0, 0), False, known.problem)
    with as_api_errors():
        connection = await engine.pool.connect()
        try:
            await connection.execute("SET statement_timeout = 0")
            compared = await _compare(connection, known.manifest, engine.catalog)
            files = await connection.fetchrow(_FILES)
        finally:
            await connection.close(timeout=5)
    then = known.manifest.files
    assert files is not None
    problem = "" if backup.state == "ok" else f"It was made by Holdfast {backup.version}: upgrade this server first."
    return Inspection(
        backup=backup,
        collections=compared,
        newer=sum(one.newer or 0 for one in compared),
        files=FilesCompared(
            0 if then is None else then.count, files["count"], 0 if then is None else then.bytes, files["bytes"]
        ),
        restorable=not problem,
        problem=problem,
    )


async def _compare(connection: Connection, manifest: Manifest, catalog: Catalog) -> tuple[Compared, ...]:
    then = {one.id: one for one in manifest.collections}
    found = [await _compared(connection, manifest, then.get(one.id), one) for one in catalog.collections]
    found += [_back(one) for one in manifest.collections if one.id not in catalog.by_id]
    return tuple(found)


async def _compared(
    connection: Connection, manifest: Manifest, then: CollectionThen | None, now: Collection
) -> Compared:
    rows = None if now.is_view else await count_rows(connection, now.name)
    if then is None:
        return Compared(now.id, "", now.name, now.type, "gone", FieldChanges(), None, rows, rows)
    changes = field_changes(then, now)
    is_same = changes == FieldChanges() and then.name == now.name and then.type == now.type
    newer = None if now.is_view else await _newer(connection, manifest, now)
    return Compared(
        now.id, then.name, now.name, then.type, "same" if is_same else "changed", changes, then.rows, rows, newer
    )


def _back(then: CollectionThen) -> Compared:
    return Compared(then.id, then.name, "", then.type, "back", FieldChanges(), then.rows, None, 0)


def field_changes(then: CollectionThen, now: Collection) -> FieldChanges:
    """What is different about the fields of a collection. Pure."""
    before = {one.id: one for one in then.fields}
    after = {one.id: one for one in now.fields}
    both = [(one, after[id]) for id, one in before.items() if id in after]
    return FieldChanges(
        back=tuple(one.name for id, one in before.items() if id not in after),
        gone=tuple(one.name for id, one in after.items() if id not in before),
        changed=tuple(now.name for was, now in both if (was.name, was.type) != (now.name, now.type)),
    )


async def _newer(connection: Connection, manifest: Manifest, collection: Collection) -> int | None:
    """How many records say of themselves that they were made or changed after the backup."""
    dates = [field.name for field in collection.fields if isinstance(field, AutodateField)]
    if not dates:
        return None
    since = raw(" > $1::timestamptz")
    where: Sql = join(" OR ", [name(date) + since for date in dates])
    query = raw("SELECT count(*) FROM ") + qualified("public", collection.name) + raw(" WHERE ") + where
    return await connection.fetchval(inline(query), read_moment(manifest.made))
