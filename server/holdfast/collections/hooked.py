"""What plugins do around a change of the collections."""

from holdfast.audit.author import Author
from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.hooks.calling import call, call_quietly
from holdfast.hooks.origin import Origin
from holdfast.identity import Principal, PrincipalKind
from holdfast.plugin import SchemaChange


async def before_change(engine: Engine, author: Author, tx: Transaction, old: Catalog, new: Catalog) -> None:
    """Let plugins see a change in its transaction. Raises what they refuse it with."""
    calls = engine.hooks.schema_before_change
    if calls:
        await call(calls, _origin(author, tx), SchemaChange(old.by_name, new.by_name))


async def after_change(engine: Engine, author: Author, old: Catalog, new: Catalog) -> None:
    """Tell plugins of a change that is committed."""
    calls = engine.hooks.schema_after_change
    if calls and old.version != new.version:
        await call_quietly(calls, _origin(author, None), SchemaChange(old.by_name, new.by_name))


def _origin(author: Author, tx: Transaction | None) -> Origin:
    actor = author.actor
    # The server itself, and whoever may run commands on its machine, are no principals of their own.
    kind: PrincipalKind = "superuser" if actor.kind in ("server", "cli") else actor.kind
    who = Principal(kind, collection=actor.collection, record_id=actor.id, name=actor.name, key_id=actor.key)
    return Origin(who=who, request_id=author.request, tx=tx)
