"""Puts the files of an archive into the storage, beside those that are there."""

import asyncio
import re
from typing import Final

from holdfast.backups.archive import Reading
from holdfast.backups.ledger import Work
from holdfast.backups.manifest import FILES, NotOurs
from holdfast.db.pool import Connection
from holdfast.engine import Engine
from holdfast.storage.spool import Spool

# As `key_of` makes them. What somebody else has put into an archive must not lead out of the storage.
_KEY: Final = re.compile(r"=?[A-Za-z0-9_-]{1,200}/=?[A-Za-z0-9_-]{1,200}/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}")
_REGISTER: Final = "SELECT key, size, unused IS NULL AS used FROM holdfast.files ORDER BY key"
_FORGET: Final = "DELETE FROM holdfast.files WHERE key = $1"


async def lay_files(engine: Engine, reading: Reading, new: Connection, work: Work) -> tuple[int, int]:
    """Bring what the register of the loaded database names, and the storage has not; how many that were, and how many
    are in neither place.

    A file never gets other bytes under its name, so what is there stays, and nothing is taken away: a server that goes
    on with its own database never notices. Raises NotOurs for a damaged archive, and Unavailable.
    """
    members = dict(reading.files())
    work.at("lay", sum(members.values()))
    brought, lost = 0, 0
    for row in await new.fetch(_REGISTER):
        key: str = row["key"]
        if _KEY.fullmatch(key) is None:
            raise NotOurs(f"Its register of files holds {key[:100]!r}, which no file is called.")
        there = await engine.storage.size(key)
        if there is None and key in members:
            await _bring(engine, reading, key)
            brought += 1
        elif there is None:
            lost += bool(row["used"])
            if not row["used"]:
                await new.execute(_FORGET, key)
        work.done += members.get(key, 0)
    return brought, lost


async def _bring(engine: Engine, reading: Reading, key: str) -> None:
    spool = Spool(engine.spool.folder)
    try:
        pieces = reading.pieces(FILES + key)
        while piece := await asyncio.to_thread(next, pieces, b""):
            await spool.write(piece)
        content = await spool.finish()
    except BaseException:
        spool.discard()
        raise
    try:
        await engine.storage.keep(key, content)
    finally:
        content.discard()
