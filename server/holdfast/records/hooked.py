"""What plugins do around a write: they see what was sent, may change what is written, and hear what was."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import PluginFailed
from holdfast.hooks.calling import call, call_one, call_quietly
from holdfast.hooks.origin import Origin
from holdfast.hooks.table import Calls
from holdfast.plugin import Action, RecordDraft, RecordRemoval, RecordWritten
from holdfast.records.credentials import new_token_key
from holdfast.records.values import Draft
from holdfast.records.write import Write
from holdfast.schema.collection import Collection
from holdfast.schema.field import FieldError
from holdfast.schema.password import PasswordField

_MISSING: Final = object()


def origin_of(write: Write, tx: Transaction | None) -> Origin:
    """For what the hooks of a write are called."""
    facts = write.request
    return Origin(
        who=write.who,
        request_id="" if facts is None else facts.request_id,
        collection=write.collection,
        tx=tx,
        facts=None if facts is None else lambda: facts,
        depth=write.depth,
    )


async def before_validate(engine: Engine, write: Write, action: Action, tx: Transaction | None) -> Write:
    """The write with the body as plugins leave it. Raises what they refuse it with."""
    calls = engine.hooks.record_before_validate
    if not calls:
        return write
    body = dict(write.body)
    draft = RecordDraft(action, write.id, body, {})
    await call(calls, origin_of(write, tx), draft)
    if draft.body == write.body:
        return write
    request = None if write.request is None else msgspec.structs.replace(write.request, body=draft.body)
    return msgspec.structs.replace(write, body=draft.body, request=request)


async def before_write(engine: Engine, write: Write, action: Action, draft: Draft, tx: Transaction | None) -> Draft:
    """The draft as plugins leave it, checked; passwords are as they were sent. Raises what they refuse it with."""
    hooks = engine.hooks
    last = hooks.record_before_create if action == "create" else hooks.record_before_update
    signing_up = hooks.auth_before_sign_up if _is_sign_up(write, action) else ()
    calls = (*hooks.record_after_validate, *last, *signing_up)
    if not calls:
        return draft
    seen = shown(write.collection, draft.values)
    given = RecordDraft(action, write.id or str(seen.get("id", "")), dict(write.body), seen)
    origin = origin_of(write, tx)
    for called in calls:
        before = dict(given.values)
        await call_one(called, origin, given)
        try:
            draft = _changed(write.collection, draft, before, given.values)
        except FieldError as failure:
            raise PluginFailed(called.plugin, called.hook, failure.problem.message) from failure
        except ValueError as failure:
            raise PluginFailed(called.plugin, called.hook, str(failure)) from failure
    return draft


async def after_write(
    engine: Engine, write: Write, action: Action, id: str, values: Mapping[str, object], tx: Transaction | None
) -> None:
    """Tell plugins of what was written. What one raises undoes it."""
    hooks = engine.hooks
    calls: Calls = hooks.record_after_create if action == "create" else hooks.record_after_update
    if _is_sign_up(write, action):
        calls = (*calls, *hooks.auth_after_sign_up)
    if not calls and not hooks.record_after_commit:
        return
    written = RecordWritten(action, id, shown(write.collection, values))
    await call(calls, origin_of(write, tx), written)
    _tell_later(engine, write, written, tx)


def _is_sign_up(write: Write, action: Action) -> bool:
    return action == "create" and write.collection.is_auth and not write.who.is_superuser


async def before_delete(engine: Engine, write: Write, tx: Transaction | None) -> None:
    """Let plugins see what is to be deleted. Raises what they refuse it with."""
    await call(engine.hooks.record_before_delete, origin_of(write, tx), RecordRemoval(write.id))


async def after_delete(engine: Engine, write: Write, tx: Transaction | None) -> None:
    """Tell plugins of what was deleted. What one raises undoes it."""
    await call(engine.hooks.record_after_delete, origin_of(write, tx), RecordRemoval(write.id))
    _tell_later(engine, write, RecordWritten("delete", write.id, {}), tx)


def _tell_later(engine: Engine, write: Write, written: RecordWritten, tx: Transaction | None) -> None:
    calls = engine.hooks.record_after_commit
    if calls and tx is not None:
        tx.after_commit(partial(call_quietly, calls, origin_of(write, None), written))


def shown(collection: Collection, values: Mapping[str, object]) -> dict[str, object]:
    """The values without what goes out to nobody."""
    fields = collection.by_name
    return {name: value for name, value in values.items() if not collection.is_secret(fields[name])}


def _changed(collection: Collection, draft: Draft, before: Mapping[str, object], after: Mapping[str, object]) -> Draft:
    """The draft with what a hook has set. Raises FieldError, and ValueError for what it cannot set at all."""
    gone = before.keys() - after.keys()
    if gone:
        raise ValueError(f"it took {min(gone)} out of the values: set it to what it should be")
    moved = {name: value for name, value in after.items() if before.get(name, _MISSING) != value}
    for name, value in moved.items():
        draft.values[name] = _taken(collection, name, value)
    if moved.keys() & set(draft.now):
        draft = msgspec.structs.replace(draft, now=tuple(name for name in draft.now if name not in moved))
    if collection.is_auth and "email" in moved and draft.token_key is None and "tokenKey" not in draft.values:
        return msgspec.structs.replace(draft, token_key=new_token_key(collection))
    return draft


def _taken(collection: Collection, name: str, value: object) -> object:
    field = collection.by_name.get(name)
    if field is None:
        raise ValueError(f"it set {name}, which is no field of {collection.name}")
    if not field.settable or isinstance(field, PasswordField) or collection.is_secret(field):
        raise ValueError(f"it set {name}, which the server alone sets")
    try:
        return field.take(value)
    except FieldError as failure:
        raise ValueError(f"it set {name} to what the field does not take: {failure.problem.message}") from failure
