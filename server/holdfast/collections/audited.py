"""What the audit log says of a change of the collections, and of the roles that follow it."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from holdfast.audit.actions import Action
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Parts, Target, changed
from holdfast.audit.write import write
from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.schema.collection import Collection
from holdfast.schema.rendering import collection_json
from holdfast.schema.role import Role

KIND: Final = "collection"
_STAMPS: Final = frozenset(("created", "updated"))
_SECRETS: Final = "secrets"


async def write_changes(tx: Transaction, author: Author, old: Catalog, new: Catalog, *, restored: bool = False) -> None:
    """Write an entry for each collection and role that is another one now, in the transaction of the change."""
    for entry in changes(old, new, restored=restored):
        await write(tx, author, entry)


def changes(old: Catalog, new: Catalog, *, restored: bool = False) -> Iterator[Entry]:
    """The entries. What came or changed because something was `restored` is told as that. Pure."""
    for collection in new.collections:
        was = old.by_id.get(collection.id)
        if was is None:
            action: Action = "collection.restored" if restored else "collection.created"
            yield Entry(action=action, target=target_of(collection), after=collection_json(collection))
        elif was != collection:
            parts = _changed(was, collection)
            action = "collection.restored" if restored else "collection.updated"
            if any(parts):
                yield Entry(action=action, target=target_of(collection), before=parts[0], after=parts[1])
    for collection in old.collections:
        if collection.id not in new.by_id:
            yield Entry(action="collection.deleted", target=target_of(collection), before=collection_json(collection))
    for role in new.roles:
        before = old.roles_by_id.get(role.id)
        if before is not None and before != role:
            yield role_updated(before, role)


def target_of(collection: Collection) -> Target:
    """The collection as what something is done to."""
    return Target(KIND, collection.id, collection.name)


def role_target(role: Role) -> Target:
    """The role as what something is done to."""
    return Target("role", role.id, role.name)


def role_updated(before: Role, after: Role) -> Entry:
    """The entry about a role that is another one now."""
    parts = changed(role_parts(before), role_parts(after), apart=_STAMPS)
    return Entry(action="role.updated", target=role_target(after), before=parts[0], after=parts[1])


def role_parts(role: Role) -> Parts:
    """The role as the log tells it: its permissions name collections by their ids, which outlast a rename."""
    found: dict[str, Any] = msgspec.to_builtins(role)
    return found


def _changed(was: Collection, now: Collection) -> tuple[Parts, Parts]:
    before, after = changed(collection_json(was), collection_json(now), apart=_STAMPS)
    if not before and not after and was.auth != now.auth:
        return {_SECRETS: "hidden"}, {_SECRETS: "changed"}
    return before, after
