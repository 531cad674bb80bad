"""Writing records: one function for each use case, one transaction, and one statement wherever that is enough."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import msgspec

from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Inputs, Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import (
    ApiError,
    BadRequest,
    NotFound,
    PreconditionFailed,
    Problem,
    RuleFailed,
    ValidationFailed,
)
from holdfast.events.context import Context, context_of, write_context
from holdfast.http.client_name import client_name
from holdfast.passwords import check_password, hash_password
from holdfast.records.credentials import GUARDED, unknown_roles
from holdfast.records.given import Given, read_given
from holdfast.records.hooked import after_delete, after_write, before_delete, before_validate, before_write
from holdfast.records.hooked_files import after_upload
from holdfast.records.list import check_size
from holdfast.records.permit import Attempt, could_manage
from holdfast.records.render import compact
from holdfast.records.values import Draft, columns_needed, draft_create, draft_update
from holdfast.records.view import RECORD_ID
from holdfast.records.violations import as_refusals
from holdfast.records.write import Write, Written
from holdfast.records.write_plan import (
    Wanted,
    WritePlan,
    check_of_create,
    check_of_update,
    plan_create,
    plan_delete,
    plan_lock,
    plan_look,
    plan_update,
)
from holdfast.records.writing import CONTEXT, MANAGES, TOKEN_KEY, VERSIONS, value_name
from holdfast.rules.access import access, audience
from holdfast.rules.facts import FACTS, Facts
from holdfast.schema.role import Action

SUPERUSERS: Final = "_superusers"
_WRONG_PASSWORD: Final = Problem("validation_invalid_old_password", "Missing or invalid old password.")


class AskedWrite(msgspec.Struct, frozen=True):
    """A write with what the body gives."""

    attempt: Attempt
    given: Given


def what_is_asked(write: Write, action: Action) -> AskedWrite:
    """What is asked for. Raises Forbidden where nobody but superusers may do such a thing, BadRequest for a view."""
    if write.collection.is_view:
        raise BadRequest("This collection is a view: its records can only be read.")
    who = audience(write.who)
    may = access(write.catalog, write.collection, action, who)
    given = read_given(write.collection, write.body, may)
    names = () if may.is_plain else tuple(sorted(given.changes))
    attempt = Attempt(catalog=write.catalog, collection=write.collection, who=who, access=may, given=names)
    return AskedWrite(attempt, given)


async def create(engine: Engine, write: Write, tx: Transaction | None = None) -> Written:
    """Create a record. Who may create one gets it back, whether or not they could read it.

    Raises Forbidden, RuleFailed, and ValidationFailed with everything that is wrong.
    """
    hooked = write.hooked and engine.hooks.creates
    if hooked and tx is None:
        async with within(engine, None) as inner:
            return await create(engine, write, inner)
    write = msgspec.structs.replace(write, id="", versions=None)
    if hooked:
        write = await before_validate(engine, write, "create", tx)
    asked = what_is_asked(write, "create")
    may_manage = could_manage(write.collection, asked.attempt.who)
    draft = draft_create(write.collection, asked.given, write.who, may_manage=may_manage, new_id=write.new_id)
    if hooked:
        draft = await before_write(engine, write, "create", draft, tx)
    draft = await settled(write, draft)
    attempt = msgspec.structs.replace(asked.attempt, managing=draft.managing)
    wanted = Wanted(names=draft.now, shape=(write.fields, write.expand))
    plan = plan_create(engine.plans, attempt, wanted)
    inputs = inputs_of(write, draft)
    inputs[RECORD_ID] = draft.values["id"]
    row = await _run(engine, write, plan, inputs, tx)
    if row is None:
        if plan.demands:
            await _refuse_fields(engine, plan, check_of_create(attempt, wanted), inputs, tx)
        raise RuleFailed
    id = str(draft.values["id"])
    if hooked:
        await after_write(engine, write, "create", id, draft.values, tx)
        await after_upload(engine, write, id, draft.values, tx)
    return _written(plan, id, row)


async def update(engine: Engine, write: Write, tx: Transaction | None = None) -> Written:
    """Change the fields that the body names. The rule has to hold for the record before and after.

    One statement; only where the outcome depends on what the record holds (modifiers of a list or a number, file
    names, guarded fields of an account) it is read and locked first.
    Raises Forbidden, NotFound, PreconditionFailed, and ValidationFailed with everything that is wrong.
    """
    hooked = write.hooked and engine.hooks.updates
    if hooked and tx is None:
        async with within(engine, None) as inner:
            return await update(engine, write, inner)
    asked = what_is_asked(write, "update")
    if hooked and tx is not None:
        await _require_there(engine, write, asked.attempt, tx)
        write = await before_validate(engine, write, "update", tx)
        asked = what_is_asked(write, "update")
    needed = columns_needed(write.collection, asked.given, write.who)
    if needed:
        return await _update_from_old(engine, write, asked, needed, tx)
    draft = draft_update(write.collection, asked.given, write.who, write.id)
    return await _update(engine, write, asked.attempt, draft, tx)


async def _update_from_old(
    engine: Engine, write: Write, asked: AskedWrite, needed: frozenset[str], tx: Transaction | None
) -> Written:
    attempt = asked.attempt
    guarded = needed.intersection((*GUARDED, "password"))
    if guarded and could_manage(write.collection, attempt.who):
        attempt = msgspec.structs.replace(attempt, managing=tuple(sorted(guarded)))
    lock = plan_lock(engine.plans, attempt, needed)
    async with within(engine, tx) as inner:
        row = await inner.fetchrow(lock.statement, Inputs(named=inputs_of(write)))
        if row is None:
            raise NotFound
        old = dict(row.items())
        try:
            if write.versions is not None and old["hf version"] not in write.versions:
                raise PreconditionFailed
            manages = bool(old.get(MANAGES))
            draft = draft_update(write.collection, asked.given, write.who, write.id, old, manages=manages)
            if draft.old_password is not None:
                if not lock.settled:
                    await _require_passing(write, asked.attempt, draft, inner)
                await _check_old_password(draft.old_password, old["password"])
        except ApiError:
            if not lock.settled and not await may_write(engine, write, asked.attempt, inner):
                raise NotFound from None
            raise
        return await _update(engine, write, asked.attempt, draft, inner)


async def _check_old_password(given: str, stored: str) -> None:
    verdict = await check_password(given, stored)
    if not verdict.right:
        raise ValidationFailed({"oldPassword": _WRONG_PASSWORD})


async def _require_passing(write: Write, attempt: Attempt, draft: Draft, tx: Transaction) -> None:
    """Raise NotFound, before any work is spent on it, for an update that would be refused."""
    if (
        await tx.fetchrow(check_of_update(attempt, wanted_of(write, draft)), Inputs(named=inputs_of(write, draft)))
        is None
    ):
        raise NotFound


async def _require_there(engine: Engine, write: Write, attempt: Attempt, tx: Transaction) -> None:
    """Raise NotFound for a record that the caller may not write, before a plugin is asked that could tell of it."""
    if not await may_write(engine, write, attempt, tx):
        raise NotFound


async def _update(engine: Engine, write: Write, attempt: Attempt, draft: Draft, tx: Transaction | None) -> Written:
    hooked = write.hooked and engine.hooks.updates
    if hooked:
        draft = await before_write(engine, write, "update", draft, tx)
    draft = await settled(write, draft)
    wanted = wanted_of(write, draft)
    plan = plan_update(engine.plans, attempt, wanted)
    inputs = inputs_of(write, draft)
    row = await _run(engine, write, plan, inputs, tx)
    if plan.demands and (row is None or row["item"] is None):
        await _refuse_fields(engine, plan, check_of_update(attempt, wanted), inputs, tx)
    written = _written(plan, write.id, _target(write, row))
    if hooked:
        await after_write(engine, write, "update", write.id, draft.values, tx)
        await after_upload(engine, write, write.id, draft.values, tx)
    return written


def wanted_of(write: Write, draft: Draft) -> Wanted:
    """What an update does and answers, as far as its statement depends on it."""
    return Wanted(
        names=tuple(sorted(draft.values)),
        shape=(write.fields, write.expand),
        versioned=write.versions is not None,
        new_token_key=draft.token_key is not None,
    )


async def _refuse_fields(
    engine: Engine, plan: WritePlan, check: Statement, inputs: Mapping[str, object], tx: Transaction | None
) -> None:
    """Raise ValidationFailed for the fields that kept a write from being done, if the record as such did not."""
    row = await _one(engine, check, Inputs(named=inputs), tx)
    if row is not None:
        found = {field: problem for (field, problem), met in zip(plan.demands, row["met"], strict=True) if not met}
        if found:
            raise ValidationFailed(found)


async def may_write(engine: Engine, write: Write, attempt: Attempt, tx: Transaction) -> bool:
    """Whether the record is there and the caller may write it as it is."""
    return await tx.fetchrow(plan_look(engine.plans, attempt), Inputs(named=inputs_of(write))) is not None


async def delete(engine: Engine, write: Write, tx: Transaction | None = None) -> None:
    """Delete the record, and with it what points at it by a relation with `cascadeDelete`.

    Raises Forbidden, NotFound, PreconditionFailed, and BadRequest when a required relation needs the record.
    """
    hooked = write.hooked and engine.hooks.deletes
    if hooked and tx is None:
        async with within(engine, None) as inner:
            await delete(engine, write, inner)
            return
    asked = what_is_asked(write, "delete")
    if hooked and tx is not None:
        await _require_there(engine, write, asked.attempt, tx)
        await before_delete(engine, write, tx)
    statement = plan_delete(engine.plans, asked.attempt, versioned=write.versions is not None)
    inputs = Inputs(named=inputs_of(write))
    with as_refusals(write.catalog, write.collection, write.who, "delete"):
        if write.collection.name == SUPERUSERS:
            async with within(engine, tx) as inner:
                await _keep_one_superuser(inner, write.id)
                _target(write, await inner.fetchrow(statement, inputs))
        else:
            _target(write, await _one(engine, statement, inputs, tx))
    if hooked:
        await after_delete(engine, write, tx)


async def _keep_one_superuser(tx: Transaction, id: str) -> None:
    """Refuse to delete the last superuser: nobody could make a new one over the API."""
    await tx.execute(raw("LOCK TABLE public._superusers IN SHARE ROW EXCLUSIVE MODE"))
    rows = await tx.fetch(raw('SELECT "id" FROM public._superusers LIMIT 2'))
    if [row["id"] for row in rows] == [id]:
        raise BadRequest("The last superuser cannot be deleted.")


async def settled(write: Write, draft: Draft) -> Draft:
    """The draft with hashes for its passwords, and with roles that are there. Raises ValidationFailed."""
    roles = unknown_roles(write.catalog, write.collection, draft.values)
    if roles is not None:
        raise ValidationFailed({"roles": roles})
    for name in draft.passwords:
        draft.values[name] = await hash_password(str(draft.values[name]))
    return draft


def inputs_of(write: Write, draft: Draft | None = None) -> dict[str, object]:
    """What the statements of a write are run with."""
    inputs: dict[str, object] = {
        RECORD_ID: write.id,
        FACTS: write.request or Facts(who=write.who, body=write.body),
        VERSIONS: list(write.versions or ()),
        CONTEXT: write_context(_context(write)),
    }
    if draft is not None:
        inputs[TOKEN_KEY] = draft.token_key
        inputs.update({value_name(name): value for name, value in draft.values.items()})
    return inputs


def _context(write: Write) -> Context:
    facts = write.request
    if facts is None:
        return context_of(write.who)
    if not write.collection.is_auth:
        return context_of(write.who, facts.request_id, facts.hops)
    return context_of(write.who, facts.request_id, facts.hops, facts.address(), client_name(facts.headers))


async def _run(
    engine: Engine, write: Write, plan: WritePlan, inputs: Mapping[str, object], tx: Transaction | None
) -> Row | None:
    """Write, and read the answer if the write does not give it. Without a need for a transaction there is none."""
    bound = Inputs(named=inputs)
    with as_refusals(write.catalog, write.collection, write.who, "write", inputs):
        if plan.read is None:
            return await _one(engine, plan.write, bound, tx)
        async with within(engine, tx) as inner:
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


def _written(plan: WritePlan, id: str, row: Row) -> Written:
    body: bytes = row["item"].encode()
    return Written(id, compact(body, spaced=plan.spaced), row["version"])


@asynccontextmanager
async def within(engine: Engine, tx: Transaction | None) -> AsyncGenerator[Transaction, None]:
    """The transaction that is running, or a new one."""
    if tx is not None:
        yield tx
        return
    async with engine.pool.transaction() as new:
        await allow_time(new, engine.settings.statement_timeout_ms)
        yield new
