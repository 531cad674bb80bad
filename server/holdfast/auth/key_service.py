"""The use cases of API keys."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.actions import Action
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target, changed
from holdfast.audit.write import write
from holdfast.auth.key_count import REQUESTS
from holdfast.auth.key_reading import UNKNOWN, KeyDraft, key_draft, key_json, read_key
from holdfast.auth.key_secret import hash_of, new_secret
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Sql, join, name, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.schema.ids import new_id

MAX_OVERLAP_SECONDS: Final = 30 * 86_400
_COLUMNS: Final = (
    raw(
        "k.id, k.name, k.roles, k.superuser, k.allowed_ips, k.rate_limit::text AS rate_limit, k.expires AS expires_at,"
        " holdfast.stamp(k.expires) AS expires, holdfast.stamp(k.last_used) AS last_used,"
        " holdfast.stamp(k.revoked) AS revoked, holdfast.stamp(k.created) AS created,"
        " holdfast.stamp(k.updated) AS updated, "
    )
    + REQUESTS
)


async def list_keys(engine: Engine) -> list[dict[str, Any]]:
    """All keys, the newest first, revoked ones too."""
    async with engine.pool.transaction() as tx:
        rows = await tx.fetch(raw("SELECT ") + _COLUMNS + raw(" FROM holdfast.keys AS k ORDER BY k.created DESC, k.id"))
    return [key_json(engine.catalog, row) for row in rows]


async def view_key(engine: Engine, id: str) -> dict[str, Any]:
    """One key. Raises NotFound."""
    async with engine.pool.transaction() as tx:
        return key_json(engine.catalog, await _get(tx, id))


async def create_key(engine: Engine, author: Author, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make a key. Only this answer has its `key`, the secret. Raises ValidationFailed."""
    draft = read_key(engine.catalog, body, KeyDraft())
    id = new_id()
    secret = new_secret(id)
    columns = {"id": value(id, "text"), "hash": value(hash_of(secret), "bytea"), **_columns(draft)}
    names = join(", ", [name(column) for column in columns])
    insert = raw("INSERT INTO holdfast.keys (") + names + raw(") VALUES (") + join(", ", columns.values()) + raw(")")
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await tx.execute(insert)
            made = key_json(engine.catalog, await _get(tx, id))
            await write(tx, author, Entry(action="key.created", target=Target("key", id, draft.name), after=made))
            return {**made, "key": secret}


async def update_key(engine: Engine, author: Author, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Change a key: only given keys change. Raises NotFound and ValidationFailed."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, id)
            draft = read_key(engine.catalog, body, key_draft(row))
            await _set(tx, id, _columns(draft))
            return await _written(engine, tx, author, "key.updated", row)


async def revoke_key(engine: Engine, author: Author, id: str) -> None:
    """End a key. It stays in the list, so that what it did can still be told. Raises NotFound."""
    async with engine.pool.transaction() as tx:
        row = await _get(tx, id)
        await _set(tx, id, {"revoked": raw("coalesce(revoked, now())")})
        await _written(engine, tx, author, "key.revoked", row)


async def rotate_key(engine: Engine, author: Author, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Give a key another secret; the old one is good for `overlapSeconds` more. Raises NotFound, ValidationFailed."""
    # A misspelt key would end the old secret at once, with the programs that still use it.
    if unknown := {key: UNKNOWN for key in body if key != "overlapSeconds"}:
        raise ValidationFailed(unknown)
    overlap = body.get("overlapSeconds", 0)
    if not isinstance(overlap, int) or isinstance(overlap, bool) or not 0 <= overlap <= MAX_OVERLAP_SECONDS:
        message = f"Must be a whole number from 0 to {MAX_OVERLAP_SECONDS}."
        raise ValidationFailed({"overlapSeconds": Problem("validation_out_of_range", message)})
    secret = new_secret(id)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await _get(tx, id)
            if row["revoked"]:
                raise NotFound("The key is revoked: make another one.")
            until = raw("now() + make_interval(secs => ") + value(float(overlap), "double precision") + raw(")")
            changes = {"old_hash": raw("hash"), "old_until": until, "hash": value(hash_of(secret), "bytea")}
            await _set(tx, id, changes)
            return {**await _written(engine, tx, author, "key.rotated", row), "key": secret}


async def _written(engine: Engine, tx: Transaction, author: Author, action: Action, row: Row) -> dict[str, Any]:
    """The key as it is now, after an entry about what it was."""
    was, now = key_json(engine.catalog, row), key_json(engine.catalog, await _get(tx, row["id"]))
    before, after = changed(was, now, apart=frozenset(("lastUsed", "requests", "updated")))
    target = Target("key", row["id"], now["name"])
    await write(tx, author, Entry(action=action, target=target, before=before, after=after))
    return now


def _columns(draft: KeyDraft) -> dict[str, Sql]:
    limit = None if draft.rate_limit is None else msgspec.json.encode(draft.rate_limit).decode()
    return {
        "name": value(draft.name, "text"),
        "roles": value(list(draft.roles), "text[]"),
        "superuser": value(draft.superuser, "boolean"),
        "expires": value(draft.expires, "timestamptz"),
        "allowed_ips": value(list(draft.allowed_ips), "text[]"),
        "rate_limit": value(limit, "jsonb"),
    }


async def _set(tx: Transaction, id: str, changes: Mapping[str, Sql]) -> None:
    settings = [name(column) + raw(" = ") + content for column, content in changes.items()]
    settings.append(raw("updated = now()"))
    where = raw(" WHERE id = ") + value(id, "text")
    await tx.execute(raw("UPDATE holdfast.keys SET ") + join(", ", settings) + where)


async def _get(tx: Transaction, id: str) -> Row:
    found = await tx.fetchrow(
        raw("SELECT ") + _COLUMNS + raw(" FROM holdfast.keys AS k WHERE k.id = ") + value(id, "text")
    )
    if found is None:
        raise NotFound("There is no API key of that id.")
    return found
