"""A record action is done to some records at once, while somebody waits: each in a transaction of its own."""

import time
from typing import Final

import msgspec

from holdfast.audit.author import author_of
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Statement, number, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError, BadRequest, PreconditionFailed
from holdfast.http.client_name import client_name
from holdfast.records.action import ActionChunk, check_many, find_action
from holdfast.records.bulk import Change, count_rows, ids_of, prepare
from holdfast.records.bulk_reading import Bulk
from holdfast.records.bulk_store import Tally, Told
from holdfast.records.retry import with_retries
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection

MOST_AT_ONCE: Final = 100  # records of one request; a job takes any number
MOST_SECONDS: Final = 20.0  # then no further record is begun: proxies give up on an answer after 30 or 60
_TOO_LONG: Final = "It took long: the records that are left were not begun. A job goes on to the end."


class Ran(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the records: `matched` is the sum of `done`, `skipped`, `failed` and what is `left`."""

    action: str
    dry_run: bool
    matched: int
    done: int
    skipped: int
    failed: int
    left: int
    told: list[Told]
    message: str = ""


async def run_action(engine: Engine, collection: Collection, facts: Facts, asked: Bulk) -> Ran:
    """Do an action to all records that are meant; a dry run counts them. For superusers.

    Raises NotFound where there is no such action, PreconditionFailed if there are not as many records as `expect`
    says, and BadRequest for more than MOST_AT_ONCE, or than the action takes.
    """
    offered = find_action(engine, collection, asked.action)
    change = prepare(engine.catalog, collection, facts, asked)
    ids = await _ids(engine, change)
    matched = len(ids) if len(ids) <= MOST_AT_ONCE else await _count(engine, change)
    if asked.expect is not None and matched != asked.expect:
        raise PreconditionFailed(f"{matched} records match by now, and not {asked.expect}: look again.")
    check_many(offered, matched)
    if asked.dry_run:
        return _told(asked, matched, Tally())
    if matched > MOST_AT_ONCE:
        raise BadRequest(f"At most {MOST_AT_ONCE} records go at once: POST …/bulks leaves any number to a job.")
    await _note(engine, change, matched)
    tally, message = Tally(), ""
    until = time.monotonic() + MOST_SECONDS
    for id in ids:
        if time.monotonic() > until:
            message = _TOO_LONG
            break
        try:
            find_action(engine, collection, asked.action)
        except ApiError as gone:
            message = gone.message
            break
        tally.add(await _one(engine, change, id))
    return _told(asked, matched, tally, message)


async def _ids(engine: Engine, change: Change) -> list[str]:
    """The ids of the records, of at most one more than go at once."""
    with as_api_errors():
        some = raw("SELECT DISTINCT found.id FROM (") + ids_of(change.rows) + raw(") AS found ORDER BY 1 LIMIT ")
        rows = await engine.pool.fetch(Statement.of(some + number(MOST_AT_ONCE + 1)), change.inputs)
    return [str(row["id"]) for row in rows]


async def _count(engine: Engine, change: Change) -> int:
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            return await count_rows(tx, change)


async def _note(engine: Engine, change: Change, matched: int) -> None:
    """Write down that it begins: an action may well write nothing that would tell of it."""
    collection, facts = change.collection, change.facts
    details = {"action": change.asked.action, "matched": matched}
    entry = Entry(
        action="record.action_run", target=Target("collection", collection.id, collection.name), details=details
    )
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            author = author_of(facts.who, facts.request_id, facts.address(), client_name(facts.headers))
            await write(tx, author, entry)


async def _one(engine: Engine, change: Change, id: str) -> Tally:
    """What became of one record."""

    async def act() -> Tally:
        async with engine.pool.transaction() as tx:
            chunk = ActionChunk(engine, tx, change)
            await chunk.write([id])
        return chunk.tally

    try:
        with as_api_errors():
            return await with_retries(engine, act)
    except ApiError as failure:  # a lock that was not to be had, a database that is away
        tally = Tally()
        tally.fail(id, failure)
        return tally


def _told(asked: Bulk, matched: int, tally: Tally, message: str = "") -> Ran:
    return Ran(
        action=asked.action,
        dry_run=asked.dry_run,
        matched=matched,
        done=tally.done,
        skipped=tally.skipped,
        failed=tally.failed,
        left=matched - tally.done - tally.skipped - tally.failed,
        told=tally.told,
        message=message,
    )
