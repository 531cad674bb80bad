"""The use cases of collections: each is one change, one transaction, and seen by every process when it returns."""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry
from holdfast.audit.write import write
from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections import decisions
from holdfast.collections.audited import target_of
from holdfast.collections.change import Terms, change, lock, perform, preview, retried
from holdfast.collections.estimate import Planned
from holdfast.config import Settings
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import qualified, raw
from holdfast.engine import Engine
from holdfast.errors import BadRequest
from holdfast.events.remembering import keeps_history
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS

SKIP: Final = "skip"


async def create(engine: Engine, author: Author, given: Mapping[str, Any]) -> Collection:
    """Make a collection. Raises ValidationFailed with everything that is wrong, and what `change` raises."""
    done = await change(engine, author, decisions.creation(given), terms(given))
    return done.by_name[given["name"]]


async def update(engine: Engine, author: Author, id_or_name: str, given: Mapping[str, Any]) -> Collection:
    """Change a collection: only given keys change. Raises NotFound, ValidationFailed and what `change` raises."""
    id = ""

    def decide(now: Catalog) -> decisions.Decision:
        nonlocal id
        id = now.get(id_or_name).id
        return decisions.update(id, given)(now)

    done = await change(engine, author, decide, terms(given))
    return done.by_id[id]


async def delete(engine: Engine, author: Author, id_or_name: str, given: Mapping[str, Any]) -> None:
    """Move a collection to the trash. Raises NotFound, and BadRequest when relations point at it."""
    await change(engine, author, decisions.deletion(id_or_name), terms(given))


async def import_(engine: Engine, author: Author, given: Mapping[str, Any]) -> None:
    """Make and change many collections at once, all or nothing."""
    await change(engine, author, decisions.importing(given), terms(given))


async def plan(engine: Engine, given: Mapping[str, Any]) -> Planned:
    """What an import (or the request that `method`, `collection` and `body` describe) would do."""
    return await preview(engine, decisions.of_request(given))


async def ensure_system_collections(pool: Pool, settings: Settings) -> bool:
    """Make the system collections that are missing; whether there were any. For the start, after the migrations.

    Safe from several processes at once.
    """

    async def ensure(tx: Transaction) -> bool:
        await lock(tx, settings)
        old = await store.load(tx.connection)
        done = await perform(tx, settings, old, decisions.missing_system_collections(old))
        return done.catalog.version != old.version

    return await retried(pool, settings, ensure)


async def truncate(engine: Engine, author: Author, id_or_name: str) -> None:
    """Delete all records of a collection, with what goes along with them.

    Raises NotFound, and BadRequest for a view, for the superusers, and when records of others need these.
    """

    async def empty(tx: Transaction) -> None:
        await lock(tx, engine.settings)
        catalog = await store.load(tx.connection)
        collection = _emptiable(catalog, id_or_name)
        table = qualified("public", collection.name)
        # TRUNCATE costs the same however many rows there are, but knows nothing of what points at them, and what it
        # takes away leaves no version.
        alone = not catalog.references(collection) and not keeps_history(collection)
        try:
            await tx.execute(raw("TRUNCATE ") + table if alone else raw("DELETE FROM ") + table)
        except asyncpg.ForeignKeyViolationError as failure:
            raise BadRequest(_needed(catalog, collection, failure.constraint_name or "")) from failure
        await write(tx, author, Entry(action="collection.truncated", target=target_of(collection)))

    await retried(engine.pool, engine.settings, empty)


def _emptiable(catalog: Catalog, id_or_name: str) -> Collection:
    collection = catalog.get(id_or_name)
    if collection.is_view:
        raise BadRequest("A view has no records of its own: truncate the collections that it reads.")
    if collection.name == SUPERUSERS:
        raise BadRequest("The superusers cannot all be deleted: nobody could log in any more.")
    return collection


def _needed(catalog: Catalog, collection: Collection, constraint: str) -> str:
    for reference in catalog.references(collection):
        if constraint == f"hf_fk_{reference.collection.id}_{reference.field.id}":
            field = f"{reference.collection.name}.{reference.field.name}"
            return f"{collection.name} cannot be emptied: {field} is required, and points at its records."
    return f"{collection.name} cannot be emptied: other records need its records."


def terms(given: Mapping[str, Any]) -> Terms:
    """The terms that a request names: `plan`, the hash of the plan that it insists on, and `ruleTests`.

    Raises BadRequest for what is neither.
    """
    hash = given.get("plan")
    if hash is not None and (not isinstance(hash, str) or not hash):
        raise BadRequest("`plan` has to be the hash that POST /api/collections/plan gave.")
    tests = given.get("ruleTests")
    if tests not in (None, SKIP):
        raise BadRequest(f'`ruleTests` can only be "{SKIP}": then the change is done though tests of rules fail.')
    return Terms(hash or "", unguarded=tests == SKIP)
