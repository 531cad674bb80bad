"""The register of files: a row for each object, there before it and gone after it.

A file that no record holds is unused. That a record takes it or lets it go is written down by triggers, in the
transaction of the change, whoever makes it: see migrations/m0016_system_files.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row, Transaction
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.storage.name import key_of
from holdfast.storage.quota import Quota, check_quota
from holdfast.storage.storage import Storage

DELETED_AT_ONCE: Final = 500  # objects in one transaction, which holds their rows
FILES_LOCK: Final = (0x48460000, 32)  # "HF", advisory lock of who needs all files to stay, such as a backup


class File(msgspec.Struct, frozen=True):
    """A file of a record. `size` is in bytes."""

    collection_id: str
    record_id: str
    name: str
    field_id: str = ""
    size: int = 0
    media_type: str = ""
    original: str = ""

    @property
    def key(self) -> str:
        """Where its bytes are in the storage."""
        return key_of(self.collection_id, self.record_id, self.name)


_GIVEN: Final = (
    raw("unnest(")
    + named("collections", "text[]")
    + raw(", ")
    + named("records", "text[]")
    + raw(", ")
    + named("names", "text[]")
    + raw(") AS given (collection_id, record_id, name)")
)
_THESE: Final = _GIVEN + raw(
    " WHERE f.collection_id = given.collection_id AND f.record_id = given.record_id AND f.name = given.name"
)
_INSERT: Final = Statement.of(
    raw("INSERT INTO holdfast.files (collection_id, record_id, name, field_id, key, size, media_type, original)")
    + raw(" SELECT * FROM unnest(")
    + named("collections", "text[]")
    + raw(", ")
    + named("records", "text[]")
    + raw(", ")
    + named("names", "text[]")
    + raw(", ")
    + named("fields", "text[]")
    + raw(", ")
    + named("keys", "text[]")
    + raw(", ")
    + named("sizes", "bigint[]")
    + raw(", ")
    + named("types", "text[]")
    + raw(", ")
    + named("originals", "text[]")
    + raw(")")
)
# With a file go its small pictures: their rows by the foreign key, their objects before that of the file, so that the
# folder of a record is empty when the last of them goes.
_AND_THUMBS: Final = raw(
    ") SELECT key, 0 AS turn FROM holdfast.thumbs WHERE (collection_id, record_id, name) IN"
    " (SELECT collection_id, record_id, name FROM gone) UNION ALL SELECT key, 1 FROM gone ORDER BY turn"
)
_GONE: Final = raw(" RETURNING f.collection_id, f.record_id, f.name, f.key")
# A transaction that is just making one of them used holds its row: this waits for it, and then leaves the row alone.
# So it does with one that was used, and let go by somebody else already: that has its grace.
_TAKE_BACK: Final = Statement.of(
    raw("WITH gone AS (DELETE FROM holdfast.files AS f USING ")
    + _THESE
    + raw(" AND f.unused = f.created")
    + _GONE
    + _AND_THUMBS
)
_UNUSED: Final = Statement.of(
    raw("WITH gone AS (DELETE FROM holdfast.files AS f WHERE (f.collection_id, f.record_id, f.name) IN")
    + raw(" (SELECT collection_id, record_id, name")
    + raw(" FROM holdfast.files WHERE unused <= now() - make_interval(hours => ")
    + named("hours", "integer")
    + raw(") ORDER BY unused LIMIT ")
    + named("limit", "bigint")
    + raw(" FOR UPDATE SKIP LOCKED)")
    + _GONE
    + _AND_THUMBS
)


_MAY_DELETE: Final = Statement.of(
    raw("SELECT pg_try_advisory_xact_lock_shared(")
    + value(FILES_LOCK[0], "int")
    + raw(", ")
    + value(FILES_LOCK[1], "int")
    + raw(") AS free")
)


async def may_delete(tx: Transaction) -> bool:
    """Whether files may be deleted until the transaction ends; not while a backup or a restore needs them."""
    row = await tx.fetchrow(_MAY_DELETE)
    return row is not None and bool(row["free"])


async def announce(
    pool: Pool, files: Sequence[File], quota: Quota, names: Mapping[str, str], attached: Sequence[str]
) -> None:
    """Write down files that are about to be stored. Until a record takes them they are unused.

    `names` are those of their collections by id, `attached` the resumable uploads among them. Raises QuotaExceeded.
    """
    inputs = _columns(files) | {
        "fields": [one.field_id for one in files],
        "keys": [one.key for one in files],
        "sizes": [one.size for one in files],
        "types": [one.media_type for one in files],
        "originals": [one.original for one in files],
    }
    with as_api_errors():
        if not quota.is_set:
            await pool.execute(_INSERT, Inputs(named=inputs))
            return
        async with pool.transaction() as tx:
            await tx.execute(_INSERT, Inputs(named=inputs))
            await check_quota(tx, quota, names, attached)


async def take_back(pool: Pool, storage: Storage, files: Sequence[File]) -> None:
    """Delete those of the files that no record has taken. Waits for a transaction that is about to take one."""
    with as_api_errors():
        async with pool.transaction() as tx:
            await _delete(storage, await tx.fetch(_TAKE_BACK, Inputs(named=_columns(files))))


async def delete_unused(pool: Pool, storage: Storage, hours: int) -> int:
    """Delete files that have been unused for so long, at most DELETED_AT_ONCE; how many that was.

    While their objects are deleted their rows are locked, so that no record can take one of them; when the storage
    is away the rows stay, and are found again. Nothing is deleted while a backup needs the files.
    """
    with as_api_errors():
        async with pool.transaction() as tx:
            if not await may_delete(tx):
                return 0
            rows = await tx.fetch(_UNUSED, Inputs(named={"hours": hours, "limit": DELETED_AT_ONCE}))
            await _delete(storage, rows)
            return sum(1 for row in rows if row["turn"])


async def _delete(storage: Storage, rows: Sequence[Row]) -> None:
    keys: list[str] = [row["key"] for row in rows]
    if keys:
        await storage.delete(keys)


def _columns(files: Sequence[File]) -> dict[str, object]:
    return {
        "collections": [one.collection_id for one in files],
        "records": [one.record_id for one in files],
        "names": [one.name for one in files],
    }
