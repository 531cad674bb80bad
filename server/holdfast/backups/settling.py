"""What a database that was loaded takes over from the one whose place it takes, and what it leaves undone.

Both are there, each on a connection of its own; both have the schema of this server.
"""

import tempfile
from typing import Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.backups import ledger
from holdfast.backups.ledger import Work
from holdfast.backups.manifest import Manifest
from holdfast.catalog import store
from holdfast.db.pool import Connection, transaction_on
from holdfast.db.sql import inline, join, name, qualified, raw
from holdfast.events.epoch import new_epoch, settle_epoch
from holdfast.events.months import make_months
from holdfast.events.partitions import make_partitions
from holdfast.events.relay import relay_once
from holdfast.events.telling import BACKUP_RESTORED, TELL, told

TARGET: Final = "backup"
VERSIONS_AHEAD: Final = 1000  # of the catalog: a process that has seen a later version would not load an earlier one
_COLUMNS: Final = """
    SELECT attname FROM pg_catalog.pg_attribute
     WHERE attrelid = format('holdfast.%I', $1::text)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_LAST: Final = "SELECT coalesce(max(id), 0) FROM holdfast.audit"
_AUDIT_GOES_ON: Final = "SELECT setval(pg_get_serial_sequence('holdfast.audit', 'id'), $1)"
_TAKE_FILES: Final = """
    CREATE TEMPORARY TABLE hf_files (LIKE holdfast.files);
    CREATE TEMPORARY TABLE hf_thumbs (LIKE holdfast.thumbs);
"""
_UNUSED_FILES: Final = """
    INSERT INTO holdfast.files
           (collection_id, record_id, name, field_id, key, size, media_type, original, created, unused)
    SELECT collection_id, record_id, name, field_id, key, size, media_type, original, created, now() FROM hf_files
        ON CONFLICT DO NOTHING;
    INSERT INTO holdfast.thumbs SELECT * FROM hf_thumbs AS t
     WHERE EXISTS (SELECT FROM holdfast.files AS f WHERE (f.collection_id, f.record_id, f.name)
                   = (t.collection_id, t.record_id, t.name))
        ON CONFLICT DO NOTHING;
    DROP TABLE hf_files, hf_thumbs;
"""
_NEW_EPOCH: Final = "UPDATE holdfast.stream SET epoch = $1, origin = ''"
_CURSORS: Final = """
    UPDATE holdfast.webhook_cursor AS place SET epoch = stream.epoch, seq = stream.seq FROM holdfast.stream;
    UPDATE holdfast.plugin_cursors AS place SET epoch = stream.epoch, seq = stream.seq FROM holdfast.stream;
    UPDATE holdfast.deliveries SET state = 3, finished = now(), lease = NULL, lease_until = NULL,
        error = 'The database was restored from a backup: nothing that was waiting is sent.' WHERE state IN (0, 1);
    DELETE FROM holdfast.jobs WHERE name IN ('mail', 'auth.mail');
"""
_SAME_CURSORS: Final = """
    UPDATE holdfast.webhook_cursor AS place SET epoch = stream.epoch FROM holdfast.stream;
    UPDATE holdfast.plugin_cursors AS place SET epoch = stream.epoch FROM holdfast.stream;
    UPDATE holdfast.deliveries SET state = 0, lease = NULL, lease_until = NULL WHERE state = 1;
"""
_GIVE_BACK: Final = """
    DELETE FROM holdfast.jobs WHERE name IN ('__hf_backup__', 'bulk');
    UPDATE holdfast.jobs SET started = NULL, run_at = now() WHERE started IS NOT NULL AND dead IS NULL;
    UPDATE holdfast.imports SET state = 'failed', ended = now(), message = 'The database was restored from a backup.'
     WHERE state IN ('reading', 'writing');
    UPDATE holdfast.bulk_changes SET state = 'failed', ended = now(),
        message = 'The database was restored from a backup.' WHERE state = 'running';
    DELETE FROM holdfast.bulk_chunks;
"""
# A dump is without grants, so what a migration has taken from everybody is theirs again: here is each such REVOKE.
_TAKE_AWAY: Final = """
    REVOKE EXECUTE ON FUNCTION holdfast.files_move(text, text, text, text[], text, text[], text) FROM PUBLIC;
"""
_VERSION: Final = "UPDATE holdfast.catalog SET version = greatest(version, $1) + $2"


async def settle(old: Connection, new: Connection, manifest: Manifest, *, ours: bool, deliveries: bool) -> None:
    """Make a loaded database ready to take the place of another. Raises asyncpg's errors.

    `ours`: the backup was made by this server, so its audit log goes on. With `deliveries` what waited to be sent is.
    """
    for table in ("backups", "backup_jobs"):
        await new.execute(inline(raw("DELETE FROM ") + qualified("holdfast", table)))
        await _copy(old, new, table)
    if ours:
        await _go_on_with_audit(old, new, manifest)
    await _take_files(old, new)
    await _keep_places(old, new)
    await make_partitions(new)
    await make_months(new)
    while (await relay_once(new, 0))[1]:
        pass
    await new.execute(_NEW_EPOCH, new_epoch())
    await settle_epoch(new)
    await new.execute(_SAME_CURSORS if deliveries else _CURSORS)
    await new.execute(_GIVE_BACK)
    await new.execute(_TAKE_AWAY)
    await new.execute("ANALYZE")


async def _copy(old: Connection, new: Connection, table: str, *, into: str = "", above: int | None = None) -> None:
    """Copy the rows of a table of ours, or those whose ids are greater than one."""
    columns = [row["attname"] for row in await new.fetch(_COLUMNS, table)]
    query = raw("SELECT ") + join(", ", [name(column) for column in columns]) + raw(" FROM ")
    query += qualified("holdfast", table)
    with tempfile.TemporaryFile() as file:
        if above is None:
            await old.copy_from_query(inline(query), output=file, format="binary")
        else:
            await old.copy_from_query(inline(query + raw(" WHERE id > $1")), above, output=file, format="binary")
        file.seek(0)
        schema = None if into else "holdfast"
        await new.copy_to_table(into or table, source=file, schema_name=schema, columns=columns, format="binary")


async def _go_on_with_audit(old: Connection, new: Connection, manifest: Manifest) -> None:
    """Bring along what was done since the backup: nobody gets rid of their traces by a restore."""
    last = await new.fetchval(_LAST)
    await _copy(old, new, "audit", above=last)
    newest = await new.fetchval(_LAST)
    if newest:
        await new.execute(_AUDIT_GOES_ON, newest)


async def _take_files(old: Connection, new: Connection) -> None:
    """Let the register know the files that came after the backup: nobody holds them, and their grace begins."""
    await new.execute(_TAKE_FILES)
    await _copy(old, new, "files", into="hf_files")
    await _copy(old, new, "thumbs", into="hf_thumbs")
    await new.execute(_UNUSED_FILES)


async def _keep_places(old: Connection, new: Connection) -> None:
    """Keep files and backups where they are kept now, whatever was set when the backup was made."""
    now, then = (await store.load(old)).options, (await store.load(new)).options
    kept = msgspec.structs.replace(then, s3=now.s3, backups=now.backups)
    if kept != then:
        async with transaction_on(new) as tx:
            await store.write_options(tx, kept)


async def finish(
    old: Connection, new: Connection, author: Author, work: Work, manifest: Manifest, result: dict[str, object]
) -> None:
    """The last words in the loaded database: its version, what came of the work, and who has done it."""
    version = await store.read_version(old)
    async with transaction_on(new) as tx:
        await new.execute(_VERSION, version, VERSIONS_AHEAD)
        statement = ledger.ended(work, "done", "", result)
        await new.execute(ledger.END.text, *ledger.END.args(statement))
        details = {**result, "made": manifest.made}
        target = Target(TARGET, work.key, work.key)
        await write(tx, author, Entry(action="backup.restored", target=target, details=details))
        await tx.execute(TELL, told(BACKUP_RESTORED, {"key": work.key, "made": manifest.made}))
