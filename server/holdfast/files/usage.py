"""How much the files of each collection take."""

from typing import Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Statement, raw
from holdfast.engine import Engine

_USAGE: Final = Statement.of(
    raw("SELECT one.*, coalesce(small.thumbs, 0) AS thumbs, coalesce(small.thumb_bytes, 0) AS thumb_bytes")
    + raw(" FROM (SELECT collection_id, count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes,")
    + raw(" count(*) FILTER (WHERE unused IS NOT NULL) AS unused,")
    + raw(" coalesce(sum(size) FILTER (WHERE unused IS NOT NULL), 0)::bigint AS unused_bytes")
    + raw(" FROM holdfast.files GROUP BY collection_id) AS one")
    + raw(" LEFT JOIN (SELECT collection_id, count(*) AS thumbs, sum(size)::bigint AS thumb_bytes")
    + raw(" FROM holdfast.thumbs WHERE size IS NOT NULL GROUP BY collection_id) AS small USING (collection_id)")
)


class CollectionUsage(msgspec.Struct, frozen=True, rename="camel"):
    """The files of one collection; those that are `unused` are deleted when their grace is over, and count, too.

    `thumbs` are the small pictures that are kept beside them, and do not count: `bytes` has none of theirs.
    """

    collection_id: str
    collection_name: str
    files: int
    bytes: int
    unused: int
    unused_bytes: int
    thumbs: int
    thumb_bytes: int


class Usage(msgspec.Struct, frozen=True, rename="camel"):
    """All files, and those of each collection, the largest first. One that was dropped has its id for a name."""

    files: int
    bytes: int
    unused: int
    unused_bytes: int
    thumbs: int
    thumb_bytes: int
    collections: tuple[CollectionUsage, ...]


async def usage(engine: Engine) -> Usage:
    """What there is now. Reads the whole register: for people, not for each request."""
    with as_api_errors():
        rows = await engine.pool.fetch(_USAGE)
    found = [
        CollectionUsage(
            row["collection_id"],
            engine.catalog.name_of(row["collection_id"]),
            row["files"],
            row["bytes"],
            row["unused"],
            row["unused_bytes"],
            row["thumbs"],
            row["thumb_bytes"],
        )
        for row in rows
    ]
    found.sort(key=lambda one: (-one.bytes, one.collection_name))
    return Usage(
        sum(one.files for one in found),
        sum(one.bytes for one in found),
        sum(one.unused for one in found),
        sum(one.unused_bytes for one in found),
        sum(one.thumbs for one in found),
        sum(one.thumb_bytes for one in found),
        tuple(found),
    )
