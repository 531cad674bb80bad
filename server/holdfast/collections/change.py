"""A change of the collections: decided, planned and done in one transaction, under one lock."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import asyncpg
import msgspec

from holdfast.audit.author import Author
from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections import refusals, trash_rows, view_steps
from holdfast.collections.audited import write_changes
from holdfast.collections.back import NOTHING_BACK, Back
from holdfast.collections.ddl import table_steps, used_tables
from holdfast.collections.diff import Changes
from holdfast.collections.estimate import Estimate, Planned, estimate, is_small, touched
from holdfast.collections.extensions import extension_steps
from holdfast.collections.fills import FillKey, fill_steps
from holdfast.collections.hooked import after_change, before_change
from holdfast.collections.mishap import TOO_LONG, Places, not_unique, refused
from holdfast.collections.plan import Weighed, make_plan, weigh
from holdfast.collections.sizes import sizes_of
from holdfast.collections.step import Step
from holdfast.config import Settings
from holdfast.db.failures import api_error
from holdfast.db.pool import Pool, Row, Transaction
from holdfast.db.sql import join, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import PreconditionFailed, SchemaLocked, Unavailable
from holdfast.schema.collection import Collection
from holdfast.schema.role import with_new_names

LOCK: Final = (0x48460000, 2)  # "HF", advisory lock of whoever changes the collections
TRIES: Final = 5  # a short wait and another try hold up nobody else for long, as one long wait would
PAUSE_SECONDS: Final = 0.1


class Decision(msgspec.Struct, frozen=True):
    """The collections as a request wants them, where each stands in it, what comes back from the trash, and what new
    fields are filled with."""

    collections: Sequence[Collection]
    places: Places = Places()
    back: Back = NOTHING_BACK
    fills: Mapping[FillKey, str] = {}


Outcome = TypeVar("Outcome")
Decide = Callable[[Catalog], Decision]
"""What a request makes of the collections as they are now. Pure; raises ApiError for what it refuses."""


class Terms(msgspec.Struct, frozen=True):
    """On which terms a change is done: only if its plan has the hash `insist`, and, unless `unguarded`, if no guard
    of the engine refuses it."""

    insist: str = ""
    unguarded: bool = False


NO_TERMS: Final = Terms()


async def change(engine: Engine, author: Author, decide: Decide, terms: Terms = NO_TERMS) -> Catalog:
    """Do what is decided, all or nothing; returns the collections as they are then, loaded by every process.

    Raises SchemaLocked, PreconditionFailed unless the plan is the one that `terms` insist on, what a guard refuses it
    with, and Unavailable when locks are not to be had within `lock_timeout_ms`.
    """
    refuse_locked(engine.settings)

    async def work(tx: Transaction) -> tuple[Catalog, Catalog]:
        await lock(tx, engine.settings)
        old = await store.load(tx.connection)
        done = await perform(tx, engine.settings, old, decide(old), insist=terms.insist)
        if done.catalog.version != old.version:
            if not terms.unguarded:
                await engine.ask_guards(tx, done.catalog)
            await before_change(engine, author, tx, old, done.catalog)
        await write_changes(tx, author, old, done.catalog)
        return old, done.catalog

    old, new = await retried(engine.pool, engine.settings, work)
    await settle(engine, new)
    await after_change(engine, author, old, new)
    return new


def refuse_locked(settings: Settings) -> None:
    """Raise SchemaLocked where collections are not to be changed by whoever asks over the API."""
    if settings.schema_lock:
        raise SchemaLocked


async def settle(engine: Engine, done: Catalog) -> None:
    """Wait until every process works with a change that is committed."""
    await engine.live.reload()
    await engine.live.everywhere(done.version)


async def preview(engine: Engine, decide: Decide) -> Planned:
    """The plan of a change, without doing it."""
    return (await foresee(engine, decide))[0]


async def foresee(engine: Engine, decide: Decide) -> tuple[Planned, Catalog]:
    """The plan of a change, and the collections as they would be after it."""

    async def look(tx: Transaction) -> tuple[Planned, Catalog]:
        await _limit(tx, engine.settings)
        old = await store.load(tx.connection)
        work = await _work(tx, old, decide(old))
        weighed = await weigh(tx, work.steps, count_writes=True)
        plan = make_plan(work.changes, weighed)
        return Planned(plan.hash, plan.steps, await _estimated(engine, tx, work.changes, weighed)), work.changes.new

    return await retried(engine.pool, engine.settings, look)


async def outlook(engine: Engine, decide: Decide) -> Catalog:
    """The collections as they would be after a change; no row is counted."""

    async def look(tx: Transaction) -> Catalog:
        await _limit(tx, engine.settings)
        old = await store.load(tx.connection)
        return (await _work(tx, old, decide(old))).changes.new

    return await retried(engine.pool, engine.settings, look)


async def losing_rows(engine: Engine, decide: Decide, collection: str, field: str) -> Sequence[Row]:
    """Some of the records that would lose their value in a field, by the names that its step in the plan has."""

    async def look(tx: Transaction) -> Sequence[Row]:
        await _limit(tx, engine.settings)
        old = await store.load(tx.connection)
        for step in (await _work(tx, old, decide(old))).steps:
            if step.sample is not None and (step.collection, step.field) == (collection, field):
                return await tx.fetch(step.sample)
        return ()

    return await retried(engine.pool, engine.settings, look)


async def _estimated(engine: Engine, tx: Transaction, changes: Changes, weighed: Sequence[Weighed]) -> Estimate:
    names = touched(changes, weighed)
    sizes = await sizes_of(tx, names.values())
    return estimate(names, weighed, sizes, None if is_small(sizes) else await engine.pace.rates(tx))


async def retried(pool: Pool, settings: Settings, work: Callable[[Transaction], Awaitable[Outcome]]) -> Outcome:
    """Run `work` in a transaction, and again when a lock was not to be had, TRIES times in all.

    Raises what the client is to see of the database's failures.
    """
    for attempt in range(TRIES):
        try:
            async with pool.transaction() as tx:
                return await work(tx)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(PAUSE_SECONDS * (attempt + random.random()))
        except asyncpg.QueryCanceledError as failure:
            raise Unavailable(TOO_LONG) from failure
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as failure:
            raise api_error(failure) or failure from failure
    raise Unavailable("The collections are busy: another change, or a long request, holds them. Try again soon.")


class Done(msgspec.Struct, frozen=True):
    """What a change has led to. `emptied` counts the relations that pointed at records that are gone."""

    catalog: Catalog
    emptied: int = 0


async def perform(tx: Transaction, settings: Settings, old: Catalog, decision: Decision, *, insist: str = "") -> Done:
    """Do what was decided on the collections as they are. The caller holds the lock of schema changes."""
    work = await _work(tx, old, decision)
    await _lock_tables(tx, work.changes, work.steps)
    weighed = await weigh(tx, work.steps, count_writes=False)
    if insist and make_plan(work.changes, weighed).hash != insist:
        raise PreconditionFailed("The change is not what the plan says any more: look at the plan again.")
    if old.collections == work.changes.new.collections:
        return Done(old)
    emptied = 0
    for one in weighed:
        rows = await _do(tx, one, decision.places, settings)
        emptied += rows if one.step.action == "empty_missing" else 0
    await view_steps.check_ids(tx, work.views, decision.places)
    return Done(await store.write(tx, old, work.changes.new.collections), emptied)


async def lock(tx: Transaction, settings: Settings) -> None:
    """Take the lock of schema changes, and set how long this transaction waits for others."""
    await _limit(tx, settings)
    await tx.connection.execute("SELECT pg_advisory_xact_lock($1, $2)", *LOCK)


async def _limit(tx: Transaction, settings: Settings) -> None:
    """Set how long this transaction waits for each lock, and how long each of its statements may run."""
    # A statement that waits for a table's lock makes all later readers of that table wait behind it.
    waits = max(1, settings.lock_timeout_ms // TRIES)
    await tx.fetch(
        raw("SELECT set_config('lock_timeout', ")
        + value(str(waits), "text")
        + raw(", true), set_config('statement_timeout', ")
        + value(str(settings.statement_timeout_ms), "text")
        + raw(", true)")
    )


class _Work(msgspec.Struct, frozen=True):
    """A decision, worked out."""

    changes: Changes
    views: view_steps.ViewChange
    steps: list[Step]


async def _work(tx: Transaction, old: Catalog, decision: Decision) -> _Work:
    refusals.check_references(Changes(old, Catalog.of(old.version, decision.collections, old.roles)))
    views = await view_steps.settle(tx, old, decision.collections, decision.places)
    roles = with_new_names(old.roles, old.collections, {one.id: one for one in views.collections})
    changes = Changes(old, Catalog.of(old.version, views.collections, roles))
    refusals.check_rules(changes, decision.places)
    taken = set(await trash_rows.ids(tx))
    drop = list(view_steps.drop_steps(views, taken))
    first = await extension_steps(tx, changes, decision.places)
    fills = await fill_steps(tx, changes, decision.fills, decision.places)
    steps = [*first, *drop, *table_steps(changes, taken, decision.back, fills), *view_steps.create_steps(views)]
    return _Work(changes, views, steps)


async def _lock_tables(tx: Transaction, changes: Changes, steps: Sequence[Step]) -> None:
    """Keep the rows that are counted as they are until the change is done."""
    counted, targets = used_tables(changes, steps)
    for tables, mode in ((counted, raw("ACCESS EXCLUSIVE")), (targets, raw("SHARE ROW EXCLUSIVE"))):
        if tables:
            names = join(", ", [qualified("public", table.name) for table in tables])
            await tx.execute(raw("LOCK TABLE ") + names + raw(" IN ") + mode + raw(" MODE"))


async def _do(tx: Transaction, weighed: Weighed, places: Places, settings: Settings) -> int:
    """Run one step; returns how many rows it has written, as far as PostgreSQL says."""
    step = weighed.step
    try:
        async with tx.savepoint():
            tag = await tx.execute(step.sql)
    except asyncpg.UniqueViolationError as failure:
        if step.duplicates is None:
            raise
        row = await tx.fetchrow(step.duplicates)
        raise not_unique(weighed, places, 0 if row is None else row[0]) from failure
    except asyncpg.PostgresError as failure:
        seen = refused(failure, weighed, places)
        if seen is None:
            raise
        raise seen from failure
    counted = tag.rpartition(" ")[2]
    written = int(counted) if counted.isdecimal() else 0
    if step.keeps is not None:
        # Of a conversion the copy holds more than what is lost; of a table that moves nothing is written.
        rows = weighed.rows if step.keeps.kind == "values" else written or weighed.rows
        await trash_rows.insert(tx, step.keeps, rows=rows, days=settings.trash_days)
    return written
