"""Create or update, whichever it takes: a record is there or not, and nobody is told more than they may know."""

import msgspec

from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs
from holdfast.engine import Engine
from holdfast.errors import Forbidden, NotFound, PreconditionFailed, Problem, ValidationFailed
from holdfast.records.given import read_given
from holdfast.records.permit import Attempt, Permit
from holdfast.records.violations import NOT_UNIQUE
from holdfast.records.write import Write, Written
from holdfast.records.write_service import create, inputs_of, may_write, update, within
from holdfast.records.writing import compile_lock
from holdfast.rules.access import EVERYTHING, audience, ways_in


async def upsert(engine: Engine, write: Write, tx: Transaction | None = None) -> Written:
    """Update the record with the id of `write` or of its body; create it if there is none. Without an id: create.

    The update rule counts for a record that is there, the create rule for one that is not.
    """
    sent = _id_in(write)
    id = write.id or sent
    if not id:
        return await create(engine, write, tx)
    if sent not in ("", id):
        raise ValidationFailed({"id": Problem("validation_pk_change", "The address of the request names another id.")})
    write = msgspec.structs.replace(write, id=id, body={**write.body, "id": id})
    lock = compile_lock(write.collection, (), Permit())
    async with within(engine, tx) as inner:
        if await inner.fetchrow(lock, Inputs(named=inputs_of(write))) is not None:
            return await _update_there(engine, write, inner)
        if write.versions is not None:
            raise PreconditionFailed("If-Match names a version of a record that is not there.")
        try:
            async with inner.savepoint():
                return await create(engine, write, inner)
        except ValidationFailed as failure:
            if failure.data.get("id") != NOT_UNIQUE:
                raise
        # Somebody else created it between the look and the write.
        return await _update_there(engine, write, inner)


async def _update_there(engine: Engine, write: Write, tx: Transaction) -> Written:
    """Update a record that is there; who may not is told what they would be told if it was not."""
    who = audience(write.who)
    may = ways_in(write.catalog, write.collection, "update", who)
    if may.rules == ("",):
        return await update(engine, write, tx)
    try:
        async with tx.savepoint():
            return await update(engine, write, tx)
    except (Forbidden, NotFound, PreconditionFailed, ValidationFailed) as refusal:
        attempt = Attempt(catalog=write.catalog, collection=write.collection, who=who, access=may)
        if may.is_open and await may_write(engine, write, attempt, tx):
            raise
        if write.versions is not None:
            raise PreconditionFailed("If-Match names a version of a record that is not there.") from None
        try:
            async with tx.savepoint():
                await create(engine, write, tx)
        except ValidationFailed as failure:
            if failure.data.get("id") != NOT_UNIQUE:
                raise
        raise refusal


def _id_in(write: Write) -> str:
    """The id that the body names; empty when there is none, and when it is none that a record can have."""
    changes = read_given(write.collection, write.body, EVERYTHING).changes.get("id", ())
    id = changes[-1].value if changes else ""
    return id if isinstance(id, str) else ""
