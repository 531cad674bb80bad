"""The register of uploads that come in pieces. Their bytes are in a folder of the data directory until they are whole.

A server process that is killed leaves them as they are: who uploads goes on where the file ends.
"""

import hmac
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.errors import RateLimited
from holdfast.identity import Principal
from holdfast.storage.quota import Quota, check_quota
from holdfast.storage.spool import HEAD_BYTES

MOST_OPEN: Final = 100  # of one caller
MOST_OF_GUESTS: Final = 10_000  # together
DELETED_AT_ONCE: Final = 500
GUEST: Final = "guest"
_EXPIRES: Final = raw("now() + make_interval(hours => ") + named("hours", "integer") + raw(")")


class Pending(msgspec.Struct, frozen=True):
    """An upload that has begun. `length` is in bytes."""

    id: str
    owner: str
    collection_id: str
    field_id: str
    length: int
    original: str
    expires: datetime

    def is_for(self, who: Principal) -> bool:
        """Whether somebody may go on with it, and put it into a record."""
        return who.is_superuser or hmac.compare_digest(who.key.encode(), self.owner.encode())


_COLUMNS: Final = raw("id, owner, collection_id, field_id, length, original, expires")
_INSERT: Final = Statement.of(
    raw("INSERT INTO holdfast.uploads (id, owner, collection_id, field_id, length, original, expires) VALUES (")
    + named("id", "text")
    + raw(", ")
    + named("owner", "text")
    + raw(", ")
    + named("collection", "text")
    + raw(", ")
    + named("field", "text")
    + raw(", ")
    + named("length", "bigint")
    + raw(", ")
    + named("original", "text")
    + raw(", ")
    + _EXPIRES
    + raw(") RETURNING ")
    + _COLUMNS
)
_OPEN: Final = Statement.of(
    raw("SELECT count(*) AS open FROM holdfast.uploads WHERE owner = ") + named("owner", "text")
)
_FIND: Final = Statement.of(
    raw("SELECT ")
    + _COLUMNS
    + raw(" FROM holdfast.uploads WHERE expires > now() AND id = ANY (")
    + named("ids", "text[]")
    + raw(")")
)
_PROLONG: Final = Statement.of(
    raw("UPDATE holdfast.uploads SET expires = ")
    + _EXPIRES
    + raw(" WHERE id = ")
    + named("id", "text")
    + raw(" RETURNING ")
    + _COLUMNS
)
_DELETE: Final = Statement.of(raw("DELETE FROM holdfast.uploads WHERE id = ANY (") + named("ids", "text[]") + raw(")"))
_EXPIRED: Final = Statement.of(
    raw("DELETE FROM holdfast.uploads WHERE id IN (SELECT id FROM holdfast.uploads WHERE expires <= now() LIMIT ")
    + named("limit", "bigint")
    + raw(" FOR UPDATE SKIP LOCKED) RETURNING id")
)


async def begin_pending(pool: Pool, new: Pending, hours: int, quota: Quota, collection: str) -> Pending:
    """Write down a new upload, to be given up after so many hours without a byte.

    Raises RateLimited for a caller with too many, and QuotaExceeded.
    """
    most = MOST_OF_GUESTS if new.owner == GUEST else MOST_OPEN
    inputs = Inputs(
        named={
            "id": new.id,
            "owner": new.owner,
            "collection": new.collection_id,
            "field": new.field_id,
            "length": new.length,
            "original": new.original,
            "hours": hours,
        }
    )
    with as_api_errors():
        async with pool.transaction() as tx:
            row = await tx.fetchrow(_INSERT, inputs)
            count = await tx.fetchrow(_OPEN, inputs)
            assert row is not None
            assert count is not None
            if count["open"] > most:
                message = f"You have begun {most} uploads: finish some of them, or give them up."
                raise RateLimited(message, headers={"Retry-After": "60"})
            if quota.is_set:
                await check_quota(tx, quota, {new.collection_id: collection}, ())
    return _pending(row)


async def find_pending(pool: Pool, ids: Sequence[str]) -> list[Pending]:
    """Those of the uploads that are there, whoever's they are."""
    with as_api_errors():
        return [_pending(row) for row in await pool.fetch(_FIND, Inputs(named={"ids": list(ids)}))]


async def prolong(pool: Pool, id: str, hours: int) -> Pending | None:
    """Give an upload so many hours again; None if it is there no more."""
    with as_api_errors():
        row = await pool.fetchrow(_PROLONG, Inputs(named={"id": id, "hours": hours}))
    return None if row is None else _pending(row)


async def forget_pending(pool: Pool, folder: Path, ids: Sequence[str]) -> None:
    """Give up uploads, or let go of those whose bytes a record has."""
    with as_api_errors():
        await pool.execute(_DELETE, Inputs(named={"ids": list(ids)}))
    for id in ids:
        (folder / id).unlink(missing_ok=True)


async def forget_expired(pool: Pool, folder: Path) -> int:
    """Give up uploads whose time is over, at most DELETED_AT_ONCE; how many that was."""
    with as_api_errors():
        rows = await pool.fetch(_EXPIRED, Inputs(named={"limit": DELETED_AT_ONCE}))
    for row in rows:
        (folder / row["id"]).unlink(missing_ok=True)
    return len(rows)


def clear_uploads(folder: Path, hours: int) -> int:
    """Delete files of uploads that were given up where nobody deleted them; how many. Blocks: call it in a thread."""
    cleared = 0
    oldest = time.time() - (hours + 1) * 3600  # each byte gives an upload its hours again
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    cleared += 1
    return cleared


def size_of(path: Path) -> int | None:
    """How much of an upload has come; None if this machine does not have it. Blocks."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def head_of(path: Path) -> bytes:
    """The first bytes of an upload, by which its type is found. Blocks; raises OSError."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _pending(row: Row) -> Pending:
    return Pending(
        row["id"],
        row["owner"],
        row["collection_id"],
        row["field_id"],
        row["length"],
        row["original"],
        row["expires"],
    )
