"""Checks an archive: reads all of it, loads it into a database of its own, and counts what is there."""

import msgspec

from holdfast.backups import shelf
from holdfast.backups.administration import administration, database_of, drop, drop_left_behind, make_scratch
from holdfast.backups.ledger import Work
from holdfast.backups.loading import check_members, check_rows, digest_of, load, opened
from holdfast.backups.manifest import NotOurs
from holdfast.backups.shelf import Known
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine


class Verified(msgspec.Struct, frozen=True):
    """What came of a check: it is sound where there are no `problems`."""

    rows: int
    collections: int
    files: int
    problems: tuple[str, ...] = ()


async def verify_backup(engine: Engine, work: Work, known: Known) -> Verified:
    """Check an archive, and remember what came of it.

    Raises Unavailable where it cannot be read or loaded now, and Conflict where no database can be made for it.
    """
    key, digest = known.stored.key, known.sha256
    try:
        digest = await digest_of(engine.backups, key, work, known.stored.size)
        if known.sha256 and digest != known.sha256:
            raise NotOurs("The archive is not the one that was put here: its sum is another.")
        found = await _load(engine, work, key)
    except NotOurs as failure:
        found = Verified(0, 0, 0, (str(failure),))
    with as_api_errors():
        await shelf.put_verified(engine.pool, key, digest, sound=not found.problems)
    return found


async def _load(engine: Engine, work: Work, key: str) -> Verified:
    dsn = engine.pool.dsn
    async with opened(engine.backups, key) as reading, administration(engine.settings, dsn) as admin:
        files = await check_members(reading, work)
        with as_api_errors():
            ours = await database_of(engine.pool)
            await drop_left_behind(admin, ours)
            scratch = await make_scratch(admin, ours, dsn)
        try:
            await load(reading, scratch, admin, work)
            rows = await check_rows(scratch, reading.manifest, work)
        finally:
            with as_api_errors():
                await drop(admin, scratch.name)
        return Verified(rows, reading.manifest.declared, files)
