"""The capture of events as the tables have it, against what the collections ask for; puts in what is missing."""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections.change import lock, retried
from holdfast.config import Settings
from holdfast.db.pool import Connection, Pool, Transaction
from holdfast.events import capture
from holdfast.schema.collection import Collection

Fault: TypeAlias = Literal["missing", "changed", "disabled"]
"""What is wrong with the capture of a collection: a part of it is gone, is another one than it should be, or is off."""

_TRIGGERS: Final = """
    SELECT t.relname AS table, g.tgname AS name, g.tgenabled::text AS enabled, p.proname AS function,
           p.prosrc AS source, p.prosecdef AS definer
      FROM pg_catalog.pg_trigger AS g
      JOIN pg_catalog.pg_class AS t ON t.oid = g.tgrelid AND t.relnamespace = 'public'::regnamespace
      JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
     WHERE g.tgname LIKE 'hf\\_ev\\_%' AND NOT g.tgisinternal
"""
_ALWAYS: Final = "A"


class Fitted(msgspec.Struct, frozen=True):
    """A trigger as PostgreSQL has it."""

    enabled: str
    function: str
    source: str
    definer: bool


Fittings: TypeAlias = dict[tuple[str, str], Fitted]
"""The triggers that capture, by table and name."""


class Uncaptured(msgspec.Struct, frozen=True):
    """A collection whose changes are not all captured, and what is wrong. `triggers` are those that are off."""

    collection: Collection
    fault: Fault
    triggers: tuple[str, ...] = ()


async def fittings(connection: Connection) -> Fittings:
    """The triggers as they are now."""
    rows = await connection.fetch(_TRIGGERS)
    return {
        (row["table"], row["name"]): Fitted(row["enabled"], row["function"], row["source"], row["definer"])
        for row in rows
    }


def uncaptured(catalog: Catalog, fitted: Fittings) -> list[Uncaptured]:
    """The collections whose changes are not captured as they should be."""
    found = (_look(collection, fitted) for collection in catalog.collections if capture.is_captured(collection))
    return [one for one in found if one is not None]


def _look(collection: Collection, fitted: Fittings) -> Uncaptured | None:
    there = {name: fitted.get((collection.name, name)) for name in capture.TRIGGERS}
    if any(one is None for one in there.values()):
        return Uncaptured(collection, "missing")
    body, function = capture.function_body(collection), capture.function_name(collection)
    present = {name: one for name, one in there.items() if one is not None}
    if any(one.source != body or one.function != function or not one.definer for one in present.values()):
        return Uncaptured(collection, "changed")
    off = tuple(name for name, one in present.items() if one.enabled != _ALWAYS)
    return Uncaptured(collection, "disabled", off) if off else None


async def ensure_captured(pool: Pool, settings: Settings) -> list[str]:
    """Capture the changes of collections that are not: those of an older Holdfast, or where somebody dropped a trigger.

    What was switched off stays off: somebody has done that, and `holdfast doctor` says so. Returns the names of the
    collections. For the start, after the migrations; safe from several processes at once.
    """

    async def look(tx: Transaction) -> list[Collection]:
        catalog = await store.load(tx.connection)
        return _to_mend(uncaptured(catalog, await fittings(tx.connection)))

    async def mend(tx: Transaction) -> list[str]:
        await lock(tx, settings)
        found = await look(tx)
        for collection in found:
            await tx.execute(capture.drop(capture.function_name(collection)))
            await tx.execute(capture.create(collection))
        return [collection.name for collection in found]

    # A start has nothing to mend, as a rule: then nobody has to wait for the lock of schema changes.
    return await retried(pool, settings, mend) if await retried(pool, settings, look) else []


def _to_mend(found: Iterable[Uncaptured]) -> list[Collection]:
    return [one.collection for one in found if one.fault != "disabled"]
