"""A change of many records as a job: promised with its records counted, and done some hundred at a time.

Which records are meant is kept when it is promised. A chunk of them is written in one transaction, which also takes the
chunk away and counts what became of each record: whichever process dies when, no record is written twice or forgotten.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.audit.author import author_of
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import ApiError, Conflict, PreconditionFailed, Problem, ValidationFailed
from holdfast.events.context import context_of
from holdfast.http.client_name import client_name
from holdfast.jobs.enqueue import enqueue
from holdfast.jobs.job import Job, JobKind
from holdfast.records import bulk_store as store
from holdfast.records.action import ActionChunk, check_many, find_action
from holdfast.records.bulk import (
    Change,
    Done,
    begin,
    check_settings,
    count_dependants,
    count_rows,
    goes_one_by_one,
    ids_of,
    prepare,
)
from holdfast.records.bulk_chunk import Chunk
from holdfast.records.bulk_reading import Bulk
from holdfast.records.bulk_store import JOB, BulkEnded, BulkState, Promised
from holdfast.records.query import ListQuery, from_body
from holdfast.records.write_service import within
from holdfast.rules.facts import Facts
from holdfast.rules.speaks import speak_of
from holdfast.schema.collection import Collection
from holdfast.schema.ids import new_id

TOGETHER: Final = 500  # records of one statement, and of one transaction
ONE_BY_ONE: Final = 50  # records of one transaction where plugins are asked about each
SLICE_SECONDS: Final = 20.0  # then others have their turn
ATTEMPTS: Final = 10
_ASKS: Final = Problem("validation_not_allowed", "A job has no request that it could ask about.")
_CHANGED: Final = "The collection is gone: what was written before stays."


class BulkWanted(msgspec.Struct, frozen=True):
    """Which change is wanted."""

    id: str


async def count_many(engine: Engine, collection: Collection, facts: Facts, asked: Bulk) -> Done:
    """How many records a job would write, and what hangs on them. Writes nothing, and checks what `set` sets.

    Raises what `promise_many` raises.
    """
    change = await _checked(engine, collection, facts, asked)
    async with within(engine, None) as tx:
        await begin(tx, context_of(facts.who))
        dependants = tuple(await count_dependants(tx, change)) if _deletes(asked) else ()
        matched = await count_rows(tx, change)
    return Done(matched, dry_run=True, dependants=dependants)


async def promise_many(
    engine: Engine,
    collection: Collection,
    facts: Facts,
    asked: Bulk,
    where: Mapping[str, Any] | None,
    tx: Transaction | None = None,
) -> BulkState:
    """Promise to set fields of all records that are meant, to delete them, or to do an action to them; each by itself.

    Raises PreconditionFailed if there are not as many as `expect` says, ValidationFailed for values that a field does
    not take, and for a filter that asks about the request; NotFound where there is no such action.
    """
    change = await _checked(engine, collection, facts, asked)
    id, address = new_id(), facts.address()
    promised = Promised(
        action=asked.action,
        who=facts.who,
        request=facts.request_id,
        hops=facts.hops,
        address=address,
        where=where,
        # A server of a version that knows no actions takes none at all for a delete.
        settings={} if asked.action else asked.settings,
    )
    async with within(engine, tx) as inner:
        await begin(inner, context_of(facts.who, facts.request_id))
        await store.begin(inner, id, collection.id, promised)
        matched = await store.keep_ids(inner, id, ids_of(change.rows), change.inputs, _at_once(engine, change))
        if asked.action:
            check_many(find_action(engine, collection, asked.action), matched)
        if asked.expect is not None and matched != asked.expect:
            raise PreconditionFailed(f"{matched} records match by now, and not {asked.expect}: look again.")
        details = {"id": id, "matched": matched, "set": sorted(asked.settings or ()) or None, "delete": _deletes(asked)}
        if asked.action:
            details["action"] = asked.action
        target = Target("collection", collection.id, collection.name)
        entry = Entry(action="bulk.started", target=target, details=details)
        await write(inner, author_of(facts.who, facts.request_id, address, client_name(facts.headers)), entry)
        await enqueue(inner, JOB, BulkWanted(id), key=id, request=facts.request_id)
        return (await store.find(inner, id))[2]


def _at_once(engine: Engine, change: Change) -> int:
    """How many records are written in one transaction; an action has one for each."""
    if change.asked.action:
        return 1
    return ONE_BY_ONE if goes_one_by_one(engine, change) else TOGETHER


def _deletes(asked: Bulk) -> bool:
    return asked.settings is None and not asked.action


async def cancel_many(engine: Engine, facts: Facts, id: str) -> None:
    """End a change that runs: what it has written stays. Raises NotFound, and BulkEnded for one that has ended."""
    async with engine.pool.transaction() as tx:
        collection_id, _, state = await store.find(tx, id)
        if not await store.end(tx, id, "cancelled", "Somebody has ended it: what it has written stays."):
            raise BulkEnded
        found = engine.catalog.by_id.get(collection_id)
        target = Target("collection", collection_id, "" if found is None else found.name)
        entry = Entry(action="bulk.cancelled", target=target, details={"id": id, "matched": state.matched})
        await write(tx, author_of(facts.who, facts.request_id, facts.address(), client_name(facts.headers)), entry)


async def _checked(engine: Engine, collection: Collection, facts: Facts, asked: Bulk) -> Change:
    if speak_of((asked.where.filter,), "@request"):
        raise ValidationFailed({"where": {"filter": _ASKS}})
    change = prepare(engine.catalog, collection, facts, asked)
    if asked.action:
        find_action(engine, collection, asked.action)
    if asked.settings is not None:
        try:
            await check_settings(change)
        except ValidationFailed as failure:
            raise ValidationFailed({"set": failure.data}, failure.message) from failure
    return change


async def _run(engine: Engine, job: Job) -> None:
    """Go on with a change for SLICE_SECONDS, and promise the rest."""
    id = msgspec.json.decode(job.payload, type=BulkWanted).id
    until = time.monotonic() + SLICE_SECONDS
    try:
        while await _next(engine, id):
            if time.monotonic() > until:
                await enqueue(engine.pool, JOB, BulkWanted(id), key=id, request=job.request)
                return
        await store.finish(engine.pool, id)
    except BulkEnded:
        await store.clear(engine.pool, id)
    except ApiError as refusal:
        if refusal.status >= 500 and job.attempt < ATTEMPTS:
            raise
        await _give_up(engine, id, refusal.message)
    except Exception:
        if job.attempt >= ATTEMPTS:
            await _give_up(engine, id, "Something went wrong: what was written before stays.")
        raise


async def _give_up(engine: Engine, id: str, message: str) -> None:
    await store.end(engine.pool, id, "failed", message)
    await store.clear(engine.pool, id)


async def _next(engine: Engine, id: str) -> bool:
    """Write the next chunk; False if there is none. Raises BulkEnded if the change is wanted no more."""
    await engine.live.check()
    async with engine.pool.transaction() as tx:
        ids = await store.take(tx, id)
        if ids is None:
            return False
        collection_id, promised, _ = await store.find(tx, id)
        collection = engine.catalog.by_id.get(collection_id)
        if collection is None:
            raise Conflict(_CHANGED)
        await begin(tx, context_of(promised.who, promised.request, promised.hops, _address(collection, promised)))
        make = ActionChunk if promised.action else Chunk
        chunk = make(engine, tx, _change(engine, collection, promised, ids))
        await chunk.write(ids)
        await store.advance(tx, id, chunk.tally)
        return True


def _address(collection: Collection, promised: Promised) -> str:
    return promised.address if collection.is_auth else ""


def _change(engine: Engine, collection: Collection, promised: Promised, ids: list[str]) -> Change:
    where = promised.where
    asked = Bulk(
        ids=tuple(ids) if where is None else None,
        where=ListQuery() if where is None else from_body(cast("dict[str, Any]", where)),
        settings=None if promised.action else promised.settings,
        dry_run=False,
        expect=None,
        action=promised.action,
    )
    facts = Facts(
        who=promised.who,
        method="POST",
        request_id=promised.request,
        hops=promised.hops,
        address=lambda: promised.address,
    )
    return prepare(engine.catalog, collection, facts, asked)


BULK: Final = JobKind(name=JOB, run=_run, attempts=ATTEMPTS, seconds=600.0, at_once=2)
