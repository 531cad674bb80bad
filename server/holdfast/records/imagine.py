"""A write that is not done: what it would make of a record, for who asks whether it would be let through."""

from collections.abc import Mapping

import msgspec

from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Sql
from holdfast.errors import NotFound
from holdfast.records.permit import Permit
from holdfast.records.values import columns_needed, draft_create, draft_update
from holdfast.records.view import RECORD_ID
from holdfast.records.write_service import Write, inputs_of, settled, wanted_of, what_is_asked
from holdfast.records.writing import compile_lock, settings_of_update, values_of_insert


class Imagined(msgspec.Struct, frozen=True):
    """A write that is not done: what the row would be set to, which of it was sent, and the values of both."""

    settings: Mapping[str, Sql]
    sent: tuple[str, ...]
    inputs: Mapping[str, object]


async def imagine(write: Write, tx: Transaction) -> Imagined:
    """What a write would set: a create if it names no id, else an update of a record that is there.

    Raises Forbidden, NotFound, and ValidationFailed, as far as that does not depend on rules.
    """
    asked = what_is_asked(write, "update" if write.id else "create")
    sent = tuple(asked.given.changes)
    if not write.id:
        draft = await settled(write, draft_create(write.collection, asked.given, write.who, may_manage=True))
        settings = values_of_insert(write.collection, draft.now)
        return Imagined(settings, sent, {**inputs_of(write, draft), RECORD_ID: draft.values["id"]})
    old: dict[str, object] = {}
    needed = columns_needed(write.collection, asked.given, write.who)
    if needed:
        row = await tx.fetchrow(compile_lock(write.collection, needed, Permit()), Inputs(named=inputs_of(write)))
        if row is None:
            raise NotFound
        old = dict(row.items())
    draft = draft_update(write.collection, asked.given, write.who, write.id, old, manages=True)
    wanted = wanted_of(write, await settled(write, draft))
    settings = settings_of_update(write.collection, wanted.names, new_token_key=wanted.new_token_key)
    return Imagined(settings, sent, inputs_of(write, draft))
