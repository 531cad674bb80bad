"""Wheels that were handed out: kept in the database, so that a build of yesterday can be repeated.

Every process and every restart has the same ones, byte by byte.
"""

from datetime import datetime
from typing import Final

import msgspec

from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Sql, raw, value
from holdfast_sdk.wheel import Wheel

KEPT: Final = 20  # versions of each package; one of 200 collections has 0.3 MB
_COLUMNS: Final = raw(
    "SELECT w.file, w.version, w.sha256, w.size, w.metadata, w.made FROM holdfast.sdk_wheels AS w WHERE "
)


class Shelved(msgspec.Struct, frozen=True):
    """A wheel as the index lists it."""

    file: str
    version: str
    sha256: str
    size: int
    metadata: bytes
    made: datetime


async def shelve(pool: Pool, project: str, version: str, wheel: Wheel) -> None:
    """Keep a wheel, and forget those of its package that are beyond the newest KEPT.

    A file of that name is replaced by one of other bytes: the present version is what this server makes.
    """
    whole = value(wheel.is_whole, "boolean")
    async with pool.transaction() as tx:
        await tx.execute(
            raw("INSERT INTO holdfast.sdk_wheels AS w (file, project, version, whole, sha256, size, metadata, body)")
            + raw(" VALUES (")
            + value(wheel.name, "text")
            + raw(", ")
            + value(project, "text")
            + raw(", ")
            + value(version, "text")
            + raw(", ")
            + whole
            + raw(", ")
            + value(wheel.sha256, "text")
            + raw(", ")
            + value(len(wheel.body), "integer")
            + raw(", ")
            + value(wheel.metadata, "bytea")
            + raw(", ")
            + value(wheel.body, "bytea")
            + raw(
                ") ON CONFLICT (file) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size,"
                " metadata = excluded.metadata, body = excluded.body, made = now() WHERE w.sha256 <> excluded.sha256"
            )
        )
        await tx.execute(
            raw("DELETE FROM holdfast.sdk_wheels AS w WHERE w.file IN (SELECT o.file FROM holdfast.sdk_wheels AS o")
            + raw(" WHERE o.project = ")
            + value(project, "text")
            + raw(" AND o.whole = ")
            + whole
            + raw(" ORDER BY o.made DESC, o.file OFFSET ")
            + value(KEPT, "bigint")
            + raw(")")
        )


async def listed(pool: Pool, project: str, *, superuser: bool) -> tuple[Shelved, ...]:
    """The wheels of a package, the oldest first; those of superusers for superusers alone."""
    found = _COLUMNS + raw("w.project = ") + value(project, "text") + _shown(superuser=superuser)
    async with pool.transaction() as tx:
        rows = await tx.fetch(found + raw(" ORDER BY w.made, w.file"))
    return tuple(_shelved(row) for row in rows)


async def find(pool: Pool, file: str, *, superuser: bool) -> Wheel | None:
    """A wheel by its file name."""
    asked = raw("SELECT w.sha256, w.metadata, w.body FROM holdfast.sdk_wheels AS w WHERE w.file = ")
    async with pool.transaction() as tx:
        row = await tx.fetchrow(asked + value(file, "text") + _shown(superuser=superuser))
    return None if row is None else Wheel(file, row["body"], row["sha256"], row["metadata"])


def _shown(*, superuser: bool) -> Sql:
    return raw("") if superuser else raw(" AND NOT w.whole")


def _shelved(row: Row) -> Shelved:
    return Shelved(row["file"], row["version"], row["sha256"], row["size"], row["metadata"], row["made"])
