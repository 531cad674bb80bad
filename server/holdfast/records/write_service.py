"""Writing records: one function for each use case, one transaction, and one statement wherever that is enough."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Inputs, Sql, Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, NotFound, PreconditionFailed, Problem, ValidationFailed
from holdfast.http.preconditions import Versions
from holdfast.identity import Principal
from holdfast.passwords import check_password, hash_password
from holdfast.records.document import Document, document, read_shape
from holdfast.records.given import Given, read_given
from holdfast.records.list import BASE, check_size
from holdfast.records.render import compact
from holdfast.records.values import Draft, columns_needed, draft_create, draft_update
from holdfast.records.view import RECORD_ID, compile_view
from holdfast.records.violations import NOT_UNIQUE, as_refusals
from holdfast.records.writing import (
    TOKEN_KEY,
    VERSIONS,
    compile_delete,
    compile_insert,
    compile_lock,
    compile_update,
    value_name,
)
from holdfast.rules.access import EVERY_ROW, audience, guard
from holdfast.rules.facts import FACTS, Facts
from holdfast.schema.collection import Collection

SUPERUSERS: Final = "_superusers"
_EMPTY: Final = Document(raw("''::text"), (), False)
_WRONG_PASSWORD: Final = Problem("validation_invalid_old_password", "Missing or invalid old password.")


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One write as it was asked for, by a request of its own or as a part of a batch.

    `fields` and `expand` shape the answer. `versions` are the ones that the caller has seen.
    """

    catalog: Catalog
    collection: Collection
    who: Principal
    id: str = ""
    body: Mapping[str, Any] = {}
    fields: str = ""
    expand: str = ""
    versions: Versions = None


class Written(msgspec.Struct, frozen=True):
    """The record after the write, as JSON, its id and its version."""

    id: str
    body: bytes
    version: str


class _Plan(msgspec.Struct, frozen=True):
    """The statement that writes, and the one that reads the answer where that has to see what was written."""

    write: Statement
    read: Statement | None
    spaced: bool


async def create(engine: Engine, write: Write, tx: Transaction | None = None) -> Written:
    """Create a record. Who may create one gets it back, whether or not they could read it.

    Raises Forbidden, and ValidationFailed with everything that is wrong.
    """
    _refuse_views(write.collection)
    rule = guard(write.who, write.collection.create_rule)
    draft = await _hashed(
        draft_create(write.collection, read_given(write.collection, write.body, write.who), write.who)
    )
    write = msgspec.structs.replace(write, id="", versions=None)
    plan = _planned(engine, write, rule, ())
    inputs = _inputs(write, draft)
    inputs[RECORD_ID] = draft.values["id"]
    row = await _run(engine, write, plan, inputs, tx)
    if row is None:
        raise NotFound
    return _written(plan, str(draft.values["id"]), row)


async def update(engine: Engine, write: Write, tx: Transaction | None = None) -> Written:
    """Change the fields that the body names.

    One statement; only where the outcome depends on what the record holds (modifiers of a list or a number, file
    names, an old password) it is read and locked first.
    Raises Forbidden, NotFound, PreconditionFailed, and ValidationFailed with everything that is wrong.
    """
    _refuse_views(write.collection)
    rule = guard(write.who, write.collection.update_rule)
    given = read_given(write.collection, write.body, write.who)
    needed = columns_needed(write.collection, given, write.who)
    if needed:
        return await _update_from_old(engine, write, given, rule, needed, tx)
    draft = draft_update(write.collection, given, write.who, write.id)
    return await _update(engine, write, await _hashed(draft), rule, tx)


async def _update_from_old(
    engine: Engine, write: Write, given: Given, rule: Sql, needed: frozenset[str], tx: Transaction | None
) -> Written:
    key = (write.catalog.version, "lock", write.collection.id, needed, audience(write.who))
    lock = engine.plans.get(key)
    if not isinstance(lock, Statement):
        lock = compile_lock(write.collection, needed, rule)
        engine.plans.put(key, lock)
    async with _within(engine, tx) as inner:
        row = await inner.fetchrow(lock, Inputs(named=_inputs(write)))
        if row is None:
            raise NotFound
        if write.versions is not None and row["hf version"] not in write.versions:
            raise PreconditionFailed
        old = dict(row.items())
        draft = draft_update(write.collection, given, write.who, write.id, old)
        if draft.old_password is not None:
            await _check_old_password(draft.old_password, old["password"])
        return await _update(engine, write, await _hashed(draft), rule, inner)


async def _check_old_password(given: str, stored: str) -> None:
    verdict = await check_password(given, stored)
    if not verdict.right:
        raise ValidationFailed({"oldPassword": _WRONG_PASSWORD})


async def _update(engine: Engine, write: Write, draft: Draft, rule: Sql, tx: Transaction | None) -> Written:
    plan = _planned(engine, write, rule, tuple(sorted(draft.values)), new_token_key=draft.token_key is not None)
    row = await _run(engine, write, plan, _inputs(write, draft), tx)
    return _written(plan, write.id, _target(write, row))


async def delete(engine: Engine, write: Write, tx: Transaction | None = None) -> None:
    """Delete the record, and with it what points at it by a relation with `cascadeDelete`.

    Raises Forbidden, NotFound, PreconditionFailed, and BadRequest when a required relation needs the record.
    """
    _refuse_views(write.collection)
    rule = guard(write.who, write.collection.delete_rule)
    versioned = write.versions is not None
    key = (write.catalog.version, "delete", write.collection.id, audience(write.who), versioned)
    statement = engine.plans.get(key)
    if not isinstance(statement, Statement):
        statement = compile_delete(write.collection, rule, versioned=versioned)
        engine.plans.put(key, statement)
    inputs = Inputs(named=_inputs(write))
    with as_refusals(write.catalog, write.collection, write.who, "delete"):
        if write.collection.name == SUPERUSERS:
            async with _within(engine, tx) as inner:
                await _keep_one_superuser(inner, write.id)
                _target(write, await inner.fetchrow(statement, inputs))
            return
        _target(write, await _one(engine, statement, inputs, tx))


async def _keep_one_superuser(tx: Transaction, id: str) -> None:
    """Refuse to delete the last superuser: nobody could make a new one over the API."""
    await tx.execute(raw("LOCK TABLE public._superusers IN SHARE ROW EXCLUSIVE MODE"))
    rows = await tx.fetch(raw('SELECT "id" FROM public._superusers LIMIT 2'))
    if [row["id"] for row in rows] == [id]:
        raise BadRequest("The last superuser cannot be deleted.")


async def upsert(engine: Engine, write: Write, tx: Transaction | None = None) -> Written:
    """Update the record with the id of `write` or of its body; create it if there is none. Without an id: create.

    The update rule counts for a record that is there, the create rule for one that is not.
    """
    _refuse_views(write.collection)
    id = write.id or _id_in(write)
    if not id:
        return await create(engine, write, tx)
    write = msgspec.structs.replace(write, id=id, body={**write.body, "id": id})
    lock = compile_lock(write.collection, (), EVERY_ROW)
    async with _within(engine, tx) as inner:
        if await inner.fetchrow(lock, Inputs(named=_inputs(write))) is not None:
            return await update(engine, write, inner)
        if write.versions is not None:
            raise PreconditionFailed("If-Match names a version of a record that is not there.")
        try:
            async with inner.savepoint():
                return await create(engine, write, inner)
        except ValidationFailed as failure:
            if failure.data.get("id") != NOT_UNIQUE:
                raise
        # Somebody else created it between the look and the write.
        return await update(engine, write, inner)


def _id_in(write: Write) -> str:
    """The id that the body names; empty when there is none, and when it is none that a record can have."""
    changes = read_given(write.collection, write.body, write.who).changes.get("id", ())
    id = changes[-1].value if changes else ""
    return id if isinstance(id, str) else ""


def _refuse_views(collection: Collection) -> None:
    if collection.is_view:
        raise BadRequest("This collection is a view: its records can only be read.")


async def _hashed(draft: Draft) -> Draft:
    for name in draft.passwords:
        draft.values[name] = await hash_password(str(draft.values[name]))
    return draft


def _inputs(write: Write, draft: Draft | None = None) -> dict[str, object]:
    inputs: dict[str, object] = {
        RECORD_ID: write.id,
        FACTS: Facts(who=write.who, body=write.body),
        VERSIONS: list(write.versions or ()),
    }
    if draft is not None:
        inputs[TOKEN_KEY] = draft.token_key
        inputs.update({value_name(name): value for name, value in draft.values.items()})
    return inputs


def _planned(engine: Engine, write: Write, rule: Sql, names: tuple[str, ...], *, new_token_key: bool = False) -> _Plan:
    """The plan of an update of these fields, or of a create for no id; kept for the next one that is alike."""
    who = audience(write.who)
    versioned = write.versions is not None
    kind = "update" if write.id else "create"
    shape = (write.fields, write.expand)
    key = (write.catalog.version, kind, write.collection.id, who, names, shape, versioned, new_token_key)
    plan = engine.plans.get(key)
    if isinstance(plan, _Plan):
        return plan
    wanted = read_shape(*shape)
    answer = document(write.catalog, who, write.collection, BASE, wanted)
    read = None
    # A statement does not see what it writes, but an expanded record may be, or point at, the one that is written.
    returned = answer
    if wanted.expansion:
        returned = _EMPTY
        read = Statement.of(compile_view(write.collection, answer, EVERY_ROW))
    if write.id:
        statement = compile_update(
            write.collection, names, rule, returned, versioned=versioned, new_token_key=new_token_key
        )
    else:
        statement = compile_insert(write.collection, returned)
    plan = _Plan(statement, read, answer.spaced)
    engine.plans.put(key, plan)
    return plan


async def _run(
    engine: Engine, write: Write, plan: _Plan, inputs: Mapping[str, object], tx: Transaction | None
) -> Row | None:
    """Write, and read the answer if the write does not give it. Without a need for a transaction there is none."""
    bound = Inputs(named=inputs)
    with as_refusals(write.catalog, write.collection, write.who, "write"):
        if plan.read is None:
            return await _one(engine, plan.write, bound, tx)
        async with _within(engine, tx) as inner:
            row = await inner.fetchrow(plan.write, bound)
            if row is None or row["item"] is None:
                return row
            answer = await inner.fetchrow(plan.read, bound)
            if answer is not None:
                check_size(answer["item"])
            return answer


async def _one(engine: Engine, statement: Statement, inputs: Inputs, tx: Transaction | None) -> Row | None:
    """Run one statement on its own, or in the transaction that is running.

    On its own it has the time of a read, because more has to be asked for in a transaction. The rare one that
    needs more (a delete that takes thousands of rows along) is run again in one.
    """
    if tx is not None:
        return await tx.fetchrow(statement, inputs)
    try:
        return await engine.pool.fetchrow(statement, inputs)
    except asyncpg.QueryCanceledError:
        async with engine.pool.transaction() as new:
            await allow_time(new, engine.settings.statement_timeout_ms)
            return await new.fetchrow(statement, inputs)


async def allow_time(tx: Transaction, milliseconds: int) -> None:
    """Let each statement of the transaction run for so long."""
    await tx.execute(raw("SELECT set_config('statement_timeout', ") + value(str(milliseconds), "text") + raw(", true)"))


def _target(write: Write, row: Row | None) -> Row:
    """The row that was written. Raises NotFound, and PreconditionFailed if it is there in another version."""
    if row is None:
        raise NotFound
    if write.versions is not None and row["item"] is None:
        raise PreconditionFailed if row["found"] else NotFound
    return row


def _written(plan: _Plan, id: str, row: Row) -> Written:
    body: bytes = row["item"].encode()
    return Written(id, compact(body, spaced=plan.spaced), row["version"])


@asynccontextmanager
async def _within(engine: Engine, tx: Transaction | None) -> AsyncGenerator[Transaction, None]:
    """The transaction that is running, or a new one."""
    if tx is not None:
        yield tx
        return
    async with engine.pool.transaction() as new:
        await allow_time(new, engine.settings.statement_timeout_ms)
        yield new
