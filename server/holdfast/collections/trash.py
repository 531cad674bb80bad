"""What was dropped: what is there, and how it goes for good."""

from typing import Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections import trash_rows
from holdfast.collections.audited import write_changes
from holdfast.collections.change import Decision, Done, lock, perform, refuse_locked, retried, settle
from holdfast.collections.hooked import after_change, before_change
from holdfast.collections.restoring import Restoration, restoration
from holdfast.collections.trash_rows import Dropped
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import literal, qualified, raw, value
from holdfast.engine import Engine
from holdfast.schema.collection import Collection

SWEPT_AT_ONCE: Final = 20  # tables dropped in one transaction: each holds a lock until its end


async def dropped(engine: Engine) -> list[Dropped]:
    """Everything in the trash, what was dropped last first."""
    async with engine.pool.transaction() as tx:
        return [found.shown for found in await trash_rows.all_of(tx)]


class Restored(msgspec.Struct, frozen=True, rename="camel"):
    """What bringing something back has led to.

    `also` names other collections that came back because relations of this one point at them. `emptied` counts the
    relations that pointed at records which are gone by now, `closed_rules` the rules that are null now because they
    name what is not there, `loosened` the relations whose target is gone for good, and whose ids are plain text now.
    """

    collection: Collection
    also: tuple[str, ...]
    emptied: int
    closed_rules: tuple[str, ...]
    loosened: tuple[str, ...]


async def restore(engine: Engine, author: Author, id: str) -> Restored:
    """Bring something back with its data, indexes, rules and relations.

    Raises NotFound, BadRequest when something stands in the way (another collection of that name), and what
    `change` raises.
    """
    refuse_locked(engine.settings)

    async def bring_back(tx: Transaction) -> tuple[Restoration, Catalog, Done]:
        await lock(tx, engine.settings)
        wanted = await trash_rows.get(tx, id)
        old = await store.load(tx.connection)
        found = restoration(old, await trash_rows.all_of(tx), wanted)
        done = await perform(tx, engine.settings, old, Decision(found.collections, back=found.back))
        for item in found.done:
            await _bring_files(tx, found, item)
            await forget(tx, item)
        await engine.ask_guards(tx, done.catalog)
        await before_change(engine, author, tx, old, done.catalog)
        await write_changes(tx, author, old, done.catalog, restored=True)
        return found, old, done

    found, old, done = await retried(engine.pool, engine.settings, bring_back)
    await settle(engine, done.catalog)
    await after_change(engine, author, old, done.catalog)
    return Restored(
        collection=done.catalog.by_id[found.collection],
        also=tuple(item.shown.collection_name for item in found.done if item.shown.id != id),
        emptied=done.emptied,
        closed_rules=found.closed,
        loosened=found.loosened,
    )


async def _bring_files(tx: Transaction, found: Restoration, item: trash_rows.DroppedWhole) -> None:
    """Let files follow a collection that comes back under another id, since one that was made anew has its own.

    They stay where they are in the storage. Their small pictures are forgotten: they are made again.
    """
    for id, back in found.back.tables.items():
        if back.table != item.table or back.was.id == id:
            continue
        theirs = raw(" WHERE f.collection_id = ") + literal(back.was.id) + raw(" AND f.created <= (SELECT dropped")
        theirs += raw(" FROM holdfast.trash WHERE id = ") + value(item.shown.id, "text") + raw(")")
        await tx.execute(
            raw("DELETE FROM holdfast.thumbs AS t USING holdfast.files AS f")
            + theirs
            + raw(" AND (t.collection_id, t.record_id, t.name) = (f.collection_id, f.record_id, f.name)")
        )
        await tx.execute(raw("UPDATE holdfast.files AS f SET collection_id = ") + literal(id) + theirs)


async def delete_forever(engine: Engine, author: Author, id: str) -> None:
    """Delete something in the trash before its time. Raises NotFound."""
    async with engine.pool.transaction() as tx:
        found = await trash_rows.get(tx, id)
        await forget(tx, found)
        shown = found.shown
        name = f"{shown.collection_name}.{shown.field_name}" if shown.field_name else shown.collection_name
        before = {"kind": shown.kind, "rows": shown.rows, "dropped": shown.dropped}
        await write(tx, author, Entry(action="trash.deleted", target=Target("trash", id, name), before=before))


async def forget(tx: Transaction, found: trash_rows.DroppedWhole) -> None:
    """Drop the table, if there is one, and the row."""
    if found.table:
        await tx.execute(raw("DROP TABLE IF EXISTS ") + qualified("holdfast_trash", found.table))
    await trash_rows.forget(tx, found.shown.id)


async def sweep_trash(pool: Pool) -> int:
    """Delete what has expired; returns how much that was. Run by the background work, in one process at a time."""
    swept = 0
    while True:
        async with pool.transaction() as tx:
            expired = await trash_rows.expired(tx, SWEPT_AT_ONCE)
            for found in expired:
                await forget(tx, found)
        swept += len(expired)
        if len(expired) < SWEPT_AT_ONCE:
            return swept
