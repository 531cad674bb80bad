"""The triggers that write down what happens to accounts, whoever does it. Pure.

What they call, and what collections of before had, is in migrations/m0012_system_audit.py and
m0014_system_audit_links.py.
"""

from collections.abc import Iterator
from typing import Final

from holdfast.db.sql import Sql, join, literal, name, qualified, raw
from holdfast.schema.collection import Collection
from holdfast.schema.system import EXTERNAL_AUTHS, SUPERUSERS
from holdfast.schema.system_fields import ROLES

CHANGED: Final = "hf_audit"
MADE: Final = "hf_audit_made"
LINKED: Final = "hf_audit_link"


def account_kind(collection: Collection) -> str:
    """What the accounts of an auth collection are."""
    return "superuser" if collection.system and collection.name == SUPERUSERS else "user"


def account_triggers(collection: Collection) -> Iterator[tuple[str, Sql]]:
    """The triggers of an auth collection: their names, and the statements that make them."""
    has_roles = ROLES in collection.by_name and collection.by_name[ROLES].system
    kind = account_kind(collection)
    on = raw(" ON ") + qualified("public", collection.name) + raw(" FOR EACH ROW")
    calls = raw(" EXECUTE FUNCTION holdfast.audit_account(")
    arguments = [literal(collection.id), literal(kind), literal(ROLES if has_roles else "")]
    call = calls + join(", ", arguments) + raw(")")
    columns = ("password", "email", ROLES) if has_roles else ("password", "email")
    differ = [raw("OLD.") + name(one) + raw(" IS DISTINCT FROM NEW.") + name(one) for one in columns]
    when = raw(" WHEN (") + join(" OR ", differ) + raw(")")
    yield CHANGED, raw("CREATE TRIGGER ") + name(CHANGED) + raw(" AFTER UPDATE") + on + when + call
    if kind == "superuser":
        yield MADE, raw("CREATE TRIGGER ") + name(MADE) + raw(" AFTER INSERT OR DELETE") + on + call


def link_triggers(collection: Collection) -> Iterator[tuple[str, Sql]]:
    """The trigger of the collection that holds who is linked with which account of a provider; of others none."""
    if collection.system and collection.name == EXTERNAL_AUTHS:
        on = raw(" ON ") + qualified("public", collection.name)
        call = raw(" FOR EACH ROW EXECUTE FUNCTION holdfast.audit_link()")
        yield LINKED, raw("CREATE TRIGGER ") + name(LINKED) + raw(" AFTER INSERT OR DELETE") + on + call
