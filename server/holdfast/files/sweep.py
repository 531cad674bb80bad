"""Deletes what has been unused for its grace: files that records let go, uploads that nobody goes on
with, and what killed servers left behind."""

import asyncio
from typing import Final

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.storage.own_spool import clear_spool
from holdfast.storage.pending import clear_uploads, forget_expired
from holdfast.storage.place import spool_of, uploads_of
from holdfast.storage.register import delete_unused

_HELD: Final = Statement.of(raw("SELECT DISTINCT collection_id, field_id FROM holdfast.files WHERE unused IS NULL"))
_TRASH: Final = Statement.of(raw("SELECT kind, collection_id, field_id FROM holdfast.trash"))
_LET_GO: Final = Statement.of(
    raw("UPDATE holdfast.files SET unused = now() WHERE unused IS NULL AND collection_id = ")
    + named("collection", "text")
    + raw(" AND field_id = ")
    + named("field", "text")
)


class SweepFiles:
    """Clears away unused files of one server, at most some hundreds at a time; how many that was."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, pool: Pool) -> int:
        """Raises Unavailable when the storage is away: what is due stays due."""
        engine = self._engine
        folder = uploads_of(engine.settings)
        await asyncio.to_thread(clear_spool, spool_of(engine.settings))
        await asyncio.to_thread(clear_uploads, folder, engine.settings.upload_hours)
        expired = await forget_expired(pool, folder)
        deleted = await delete_unused(pool, engine.storage, engine.settings.files_grace_hours)
        return deleted or expired or await let_go_of_dropped(engine)


async def let_go_of_dropped(engine: Engine) -> int:
    """Mark the files of collections and fields as unused that are dropped, and in the trash no more.

    No trigger tells of these: a table and a column go without a look at their rows.
    """
    marked = 0
    with as_api_errors():
        held = {(row["collection_id"], row["field_id"]) for row in await engine.pool.fetch(_HELD)}
        trash = await engine.pool.fetch(_TRASH)
        await engine.live.check()
        there = {(one.id, field.id) for one in engine.catalog.collections for field in one.fields}
        whole = {row["collection_id"] for row in trash if row["kind"] == "collection"}
        there |= {(row["collection_id"], row["field_id"]) for row in trash}
        for collection, field in sorted(held - there):
            if collection not in whole:
                inputs = Inputs(named={"collection": collection, "field": field})
                marked += int((await engine.pool.execute(_LET_GO, inputs)).rpartition(" ")[2])
    return marked
