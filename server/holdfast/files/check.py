"""Whether records, the register and the storage agree about files, and how they are brought to."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from holdfast.db.pool import Connection
from holdfast.db.sql import Inputs, Sql, Statement, join, literal, name, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.files.strays import Stray, find_stray, take_in
from holdfast.files.sweep import let_go_of_dropped
from holdfast.schema.collection import Collection
from holdfast.schema.file import FileField
from holdfast.storage.media_type import media_type_of
from holdfast.storage.name import key_of
from holdfast.storage.place import FOLDER, Place, place_of
from holdfast.storage.register import FILES_LOCK
from holdfast.storage.spool import HEAD_BYTES
from holdfast.storage.storage import Missing

MOST_SHOWN: Final = 100  # of each sort
JUST_NOW: Final = timedelta(hours=1)  # what is younger may be on its way
_LISTED: Final = "CREATE TEMP TABLE hf_listed (key text PRIMARY KEY, size bigint, modified timestamptz)"
# With the file that an object lies beside, if that is where small pictures of it lie.
_ORPHANS: Final = Statement.of(
    raw("SELECT listed.key, listed.size, o.collection_id, o.record_id, o.name FROM hf_listed AS listed")
    + raw(" LEFT JOIN holdfast.files AS f ON f.key = listed.key")
    + raw(" LEFT JOIN holdfast.thumbs AS t ON t.key = listed.key")
    + raw(" LEFT JOIN holdfast.files AS o ON o.key = ")
    + raw("regexp_replace(listed.key, '^([^/]+/[^/]+)/thumbs_([^/]+)/[^/]+$', '\\1/\\2')")
    + raw(" WHERE f.key IS NULL AND t.key IS NULL AND listed.modified < ")
    + named("before", "timestamptz")
    + raw(" ORDER BY 1")
)
_LOST: Final = Statement.of(
    raw("SELECT f.key, f.collection_id, f.record_id, f.name FROM holdfast.files AS f LEFT JOIN hf_listed AS listed")
    + raw(" ON listed.key = f.key WHERE f.unused IS NULL AND listed.size IS DISTINCT FROM f.size AND f.created < ")
    + named("before", "timestamptz")
    + raw(" ORDER BY 1")
)


# What was dropped before, and made anew under the same id, is held by what lies in the trash.
_IS_DROPPED: Final = raw(
    " AND NOT EXISTS (SELECT FROM holdfast.trash AS t WHERE t.kind IN ('collection', 'field')"
    " AND t.collection_id = f.collection_id AND coalesce(t.field_id, f.field_id) = f.field_id"
    " AND f.created <= t.dropped)"
)


class Checked(msgspec.Struct, frozen=True, rename="camel"):
    """What was found; lists are cut at MOST_SHOWN, the numbers beside them count all.

    `orphans` are objects that the register does not have, and `deleted` whether they were; `strays` small pictures
    beside their files that it does not have; `lost` files whose objects are gone or have another size, `unheld` files
    that the register takes for used and no record holds, `unknown` names in records that the register does not have.
    """

    objects: int
    bytes: int
    orphans: int
    strays: int
    lost: int
    unheld: int
    unknown: int
    mended: bool
    deleted: bool = False
    orphan_keys: tuple[str, ...] = ()
    stray_keys: tuple[str, ...] = ()
    lost_keys: tuple[str, ...] = ()
    unheld_keys: tuple[str, ...] = ()
    unknown_keys: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether all agree."""
        return not (self.orphans or self.strays or self.lost or self.unheld or self.unknown)

    @property
    def is_left(self) -> bool:
        """Whether there is something that was not mended."""
        if not self.mended:
            return not self.is_sound
        return bool(self.lost or self.unknown or (self.orphans and not self.deleted))


async def check_files(engine: Engine, *, mend: bool = False, anywhere: bool = False) -> Checked:
    """Compare the three. With `mend`, what a record holds and small pictures beside their files get into the register,
    and files that no record holds are let go. What is lost is told, and nothing else: it may be somewhere, and a record
    that names it does no harm.

    Objects that nobody knows are deleted then in the data directory; elsewhere only with `anywhere`, since others may
    keep something there: a PocketBase that is not switched off yet, or a second server with the same collections.

    Raises Unavailable when the storage is away. Safe while servers run.
    """
    deletes = mend and (anywhere or _is_own(engine))
    before = datetime.now(UTC)
    if mend:
        await let_go_of_dropped(engine)
    connection = await engine.pool.connect()
    try:
        if mend and not await connection.fetchval("SELECT pg_try_advisory_lock_shared($1, $2)", *FILES_LOCK):
            raise Unavailable("A backup or a restore needs the files: try again when it has ended.", retry_after=60)
        objects, size = await _list(engine, connection)
        unknown = [one async for one in _unknown(engine, connection)]
        if mend:
            unknown = [one for one in unknown if not await _register(engine, connection, *one)]
        orphans, strays = _sorted(await _fetch(connection, _ORPHANS, before=before - JUST_NOW))
        lost = [row["key"] for row in await _fetch(connection, _LOST, before=before)]
        unheld = [one async for one in _unheld(engine, connection, mend=mend)]
        if mend:
            orphans += [one.key for one in strays if not await take_in(engine, connection, one)]
        if deletes:
            for start in range(0, len(orphans), MOST_SHOWN):
                await engine.storage.delete(orphans[start : start + MOST_SHOWN])
    finally:
        await connection.close()
    return Checked(
        objects=objects,
        bytes=size,
        orphans=len(orphans),
        strays=len(strays),
        lost=len(lost),
        unheld=len(unheld),
        unknown=len(unknown),
        mended=mend,
        deleted=deletes,
        orphan_keys=tuple(orphans[:MOST_SHOWN]),
        stray_keys=tuple(one.key for one in strays[:MOST_SHOWN]),
        lost_keys=tuple(lost[:MOST_SHOWN]),
        unheld_keys=tuple(unheld[:MOST_SHOWN]),
        unknown_keys=tuple(key_of(one[0].id, one[2], one[3]) for one in unknown[:MOST_SHOWN]),
    )


async def _list(engine: Engine, connection: Connection) -> tuple[int, int]:
    """Write down what the storage has; how many objects, and how many bytes, these are."""
    await connection.execute(_LISTED)
    objects, size = 0, 0
    async for page in engine.storage.walk():
        rows = [(one.key, one.size, one.modified) for one in page]
        await connection.copy_records_to_table("hf_listed", records=rows, columns=("key", "size", "modified"))
        objects, size = objects + len(page), size + sum(one.size for one in page)
    return objects, size


def _is_own(engine: Engine) -> bool:
    """Whether nobody else keeps anything where the files are."""
    return place_of(engine.catalog.options, engine.settings) == Place(engine.settings.data / FOLDER)


def _sorted(rows: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[Stray]]:
    """Objects that the register does not have, and those of them that are small pictures beside their files."""
    orphans: list[str] = []
    strays: list[Stray] = []
    for row in rows:
        found = None
        if row["name"] is not None:
            found = find_stray(row["key"], row["size"], row["collection_id"], row["record_id"], row["name"])
        if found is None:
            orphans.append(row["key"])
        else:
            strays.append(found)
    return orphans, strays


async def _fetch(connection: Connection, statement: Statement, **given: object) -> list[dict[str, Any]]:
    rows = await connection.fetch(statement.text, *statement.args(Inputs(named=given)))
    return [dict(row.items()) for row in rows]


def _held(collection: Collection, field: FileField) -> Sql:
    """The names that a field holds, as rows of `record_id` and `name`."""
    column = raw("record.") + name(field.name)
    names = column if field.many else raw("ARRAY[") + column + raw("]")
    return (
        raw("SELECT record.id AS record_id, one.name FROM ")
        + qualified("public", collection.name)
        + raw(" AS record CROSS JOIN LATERAL unnest(")
        + names
        + raw(") AS one (name) WHERE one.name <> ''")
    )


def _file_fields(collection: Collection) -> list[FileField]:
    return [field for field in collection.fields if isinstance(field, FileField) and not collection.is_view]


async def _unknown(
    engine: Engine, connection: Connection
) -> AsyncGenerator[tuple[Collection, FileField, str, str], None]:
    for collection in engine.catalog.collections:
        for field in _file_fields(collection):
            sql = (
                raw("SELECT held.record_id, held.name FROM (")
                + _held(collection, field)
                + raw(") AS held WHERE NOT EXISTS (SELECT FROM holdfast.files AS f WHERE f.collection_id = ")
                + literal(collection.id)
                + raw(" AND f.record_id = held.record_id AND f.name = held.name) ORDER BY 1, 2")
            )
            for row in await connection.fetch(Statement.of(sql).text):
                yield collection, field, row["record_id"], row["name"]


async def _register(
    engine: Engine, connection: Connection, collection: Collection, field: FileField, record_id: str, file: str
) -> bool:
    """Take a file into the register that a record holds and the storage has; False if the storage has it not."""
    key = key_of(collection.id, record_id, file)
    size = await connection.fetchval("SELECT size FROM hf_listed WHERE key = $1", key)
    if size is None:
        return False
    try:
        head = b"".join([piece async for piece in engine.storage.read(key, 0, min(size, HEAD_BYTES))]) if size else b""
    except Missing:
        return False
    await connection.execute(
        "INSERT INTO holdfast.files (collection_id, record_id, name, field_id, key, size, media_type, unused)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, NULL) ON CONFLICT DO NOTHING",
        *(collection.id, record_id, file, field.id, key, size, media_type_of(head)),
    )
    return True


async def _unheld(engine: Engine, connection: Connection, *, mend: bool) -> AsyncGenerator[str, None]:
    """The keys of files that are taken for used, of collections that are there, and that no record holds."""
    for collection in engine.catalog.collections:
        fields = _file_fields(collection)
        if not fields:
            continue
        held = join(" UNION ALL ", [_held(collection, field) for field in fields])
        where = (
            raw(" WHERE f.unused IS NULL AND f.collection_id = ")
            + literal(collection.id)
            + raw(" AND f.field_id IN (")
            + join(", ", [literal(field.id) for field in fields])
            + raw(") AND NOT EXISTS (SELECT FROM (")
            + held
            + raw(") AS held WHERE held.record_id = f.record_id AND held.name = f.name)")
            + _IS_DROPPED
        )
        head = (
            raw("UPDATE holdfast.files AS f SET unused = now()")
            if mend
            else raw("SELECT f.key FROM holdfast.files AS f")
        )
        tail = raw(" RETURNING f.key") if mend else raw(" ORDER BY 1")
        for row in await connection.fetch(Statement.of(head + where + tail).text):
            yield row["key"]
