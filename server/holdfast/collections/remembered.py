"""The histories that are kept, against what the collections ask for; begins those that are missing."""

from typing import Final

import msgspec

from holdfast.catalog import store
from holdfast.collections.change import lock, retried
from holdfast.config import Settings
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import Statement, raw
from holdfast.events import remembering
from holdfast.schema.collection import Collection

_OPEN: Final = Statement.of(
    raw("SELECT collection_id, names::text AS names FROM holdfast.history_shapes WHERE last IS NULL")
)


async def ensure_remembered(pool: Pool, settings: Settings) -> list[str]:
    """Begin histories of collections that ask for one and have none, or know their fields by other forms.

    Returns the names of the collections. For the start, after the migrations; safe from several processes at once.
    """

    async def look(tx: Transaction) -> list[Collection]:
        catalog = await store.load(tx.connection)
        there = {row["collection_id"]: msgspec.json.decode(row["names"]) for row in await tx.fetch(_OPEN)}
        kept = (one for one in catalog.collections if remembering.keeps_history(one))
        return [one for one in kept if there.get(one.id) != remembering.names(one)]

    async def mend(tx: Transaction) -> list[str]:
        await lock(tx, settings)
        found = await look(tx)
        for collection in found:
            await tx.execute(remembering.begin(collection))
        return [collection.name for collection in found]

    # As with the capture of events: nobody has to wait for the lock where nothing is missing.
    return await retried(pool, settings, mend) if await retried(pool, settings, look) else []
