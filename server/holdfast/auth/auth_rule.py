"""Whether a rule of an auth collection holds for one of its records, as a request asks."""

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import Forbidden
from holdfast.rules.access import audience
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.scope import holds
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

REFUSED = "This account may not log in: the authRule of its collection refuses it."


async def satisfies(engine: Engine, collection: Collection, record_id: str, rule: str, facts: Facts) -> bool:
    """Whether the rule is true of the record. One that cannot be compiled is true of none."""
    if not rule.strip():
        return True
    alias = raw("account")
    condition = holds(engine.catalog, collection, (rule,), alias, audience(facts.who))
    sql = (
        raw("SELECT 1 AS found FROM ")
        + qualified("public", collection.name)
        + raw(" AS account WHERE account.id = ")
        + value(record_id, "text")
        + raw(" AND ")
        + condition
    )
    with as_api_errors():
        return await engine.pool.fetchrow(Statement.of(sql), Inputs(named={FACTS: facts})) is not None


def require_open(collection: Collection, facts: Facts) -> None:
    """Raise Forbidden, before any work is spent, where nobody can log in at all (`authRule` is null)."""
    if auth_options(collection.auth).auth_rule is None and not facts.who.is_superuser:
        raise Forbidden("Nobody can log in to this collection: its authRule is closed.")


async def require_auth_rule(engine: Engine, collection: Collection, record_id: str, facts: Facts) -> None:
    """Raise Forbidden for a record that the collection's authRule refuses. Nothing refuses a superuser's request."""
    if facts.who.is_superuser:
        return
    require_open(collection, facts)
    rule = auth_options(collection.auth).auth_rule
    if rule and not await satisfies(engine, collection, record_id, rule, facts):
        raise Forbidden(REFUSED)
