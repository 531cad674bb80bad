"""The use cases of roles. They are a part of the catalog: each change gives it a new version, seen by every process."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry
from holdfast.audit.write import hush, write
from holdfast.auth.principals import ROLES
from holdfast.auth.role_reading import MAX_ROLES, read_role
from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections.audited import role_parts, role_target, role_updated
from holdfast.collections.change import lock, retried, settle
from holdfast.db.pool import Transaction
from holdfast.db.sql import name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, NotFound
from holdfast.schema.collection import Collection
from holdfast.schema.ids import new_id
from holdfast.schema.role import Role

_NOWHERE: Final = "There is no role of that name."
_APART: Final = ("id", "name", "created", "updated")  # columns of their own
Outcome = TypeVar("Outcome")


def get_role(catalog: Catalog, id_or_name: str) -> Role:
    """One role. Raises NotFound."""
    found = catalog.role(id_or_name)
    if found is None:
        raise NotFound(_NOWHERE)
    return found


async def create_role(engine: Engine, author: Author, body: Mapping[str, Any], *, unguarded: bool = False) -> Role:
    """Make a role. Raises ValidationFailed, and what a guard refuses it with."""
    id = new_id()

    async def work(tx: Transaction, now: Catalog) -> None:
        if len(now.roles) >= MAX_ROLES:
            raise BadRequest(f"There can be at most {MAX_ROLES} roles.")
        role = read_role(now, body, Role(id=id, name=""))
        await _put(tx, role)
        await write(tx, author, Entry(action="role.created", target=role_target(role), after=role_parts(role)))

    return (await _change(engine, work, unguarded=unguarded)).roles_by_id[id]


async def update_role(
    engine: Engine, author: Author, id_or_name: str, body: Mapping[str, Any], *, unguarded: bool = False
) -> Role:
    """Change a role: only given keys change; who has it keeps it under its new name.

    Raises NotFound, ValidationFailed, and what a guard refuses it with.
    """
    id = get_role(engine.catalog, id_or_name).id

    async def work(tx: Transaction, now: Catalog) -> None:
        old = get_role(now, id)
        new = read_role(now, body, old)
        await _put(tx, new)
        await write(tx, author, role_updated(old, new))
        if new.name != old.name:
            await hush(tx)
            for collection in _holding(now):
                await _replace(tx, collection, old.name, new.name)

    return (await _change(engine, work, unguarded=unguarded)).roles_by_id[id]


async def delete_role(engine: Engine, author: Author, id_or_name: str, *, unguarded: bool = False) -> None:
    """Delete a role, and take it from everybody who has it. Raises NotFound."""
    id = get_role(engine.catalog, id_or_name).id

    async def work(tx: Transaction, now: Catalog) -> None:
        old = get_role(now, id)
        await tx.execute(raw("DELETE FROM holdfast.roles WHERE id = ") + value(id, "text"))
        await tx.execute(
            raw("UPDATE holdfast.keys SET roles = array_remove(roles, ")
            + value(id, "text")
            + raw(") WHERE roles @> ARRAY[")
            + value(id, "text")
            + raw("]")
        )
        await write(tx, author, Entry(action="role.deleted", target=role_target(old), before=role_parts(old)))
        await hush(tx)
        for collection in _holding(now):
            await _replace(tx, collection, old.name, None)

    await _change(engine, work, unguarded=unguarded)


async def _change(
    engine: Engine, work: Callable[[Transaction, Catalog], Awaitable[None]], *, unguarded: bool
) -> Catalog:
    async def whole(tx: Transaction) -> Catalog:
        await lock(tx, engine.settings)
        await work(tx, await store.load(tx.connection))
        changed = await store.moved_on(tx)
        if not unguarded:
            await engine.ask_guards(tx, changed)
        return changed

    done = await retried(engine.pool, engine.settings, whole)
    await settle(engine, done)
    return done


async def _put(tx: Transaction, role: Role) -> None:
    definition = {key: part for key, part in msgspec.to_builtins(role).items() if key not in _APART}
    await tx.execute(
        raw("INSERT INTO holdfast.roles (id, name, definition) VALUES (")
        + value(role.id, "text")
        + raw(", ")
        + value(role.name, "text")
        + raw(", ")
        + value(msgspec.json.encode(definition).decode(), "jsonb")
        + raw(
            ") ON CONFLICT (id) DO UPDATE SET name = excluded.name, definition = excluded.definition, updated = now()"
        )
    )


def _holding(catalog: Catalog) -> list[Collection]:
    """The collections whose records have roles."""
    found = [one for one in catalog.collections if one.is_auth and ROLES in one.by_name]
    return [one for one in found if one.by_name[ROLES].system]


async def _replace(tx: Transaction, collection: Collection, old: str, new: str | None) -> None:
    column = name(ROLES)
    without = raw("array_remove(") if new is None else raw("array_replace(")
    changed = without + column + raw(", ") + value(old, "text")
    changed += raw(")") if new is None else raw(", ") + value(new, "text") + raw(")")
    await tx.execute(
        raw("UPDATE ")
        + qualified("public", collection.name)
        + raw(" SET ")
        + column
        + raw(" = ")
        + changed
        + raw(" WHERE ")
        + column
        + raw(" @> ARRAY[")
        + value(old, "text")
        + raw("]")
    )
