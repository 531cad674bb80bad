"""What people are called who have done something: looked up when it is read, so an account that is gone has none."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool
from holdfast.db.sql import Sql, Statement, join, literal, name, qualified, raw, value
from holdfast.schema.collection import Collection

Person: TypeAlias = tuple[str, str]
"""An account: the name of its collection, and its id."""

_EMAIL: Final = "email"
_NAME: Final = "name"


async def names_of(pool: Pool, collections: Iterable[Collection], people: Iterable[Person]) -> Mapping[Person, str]:
    """The addresses of these accounts, in one statement; the name of one that has no address.

    One that is not there, or has neither, is left out.
    """
    wanted: dict[str, set[str]] = {}
    for collection, id in people:
        if collection and id:
            wanted.setdefault(collection, set()).add(id)
    parts = [_select(one, wanted[one.name]) for one in collections if one.is_auth and one.name in wanted]
    if not parts:
        return {}
    with as_api_errors():
        rows = await pool.fetch(Statement.of(join(" UNION ALL ", parts)))
    return {(row["collection"], row["id"]): row["called"] for row in rows if row["called"]}


def _select(collection: Collection, ids: Iterable[str]) -> Sql:
    email = raw("account.") + name(_EMAIL)
    field = collection.by_name.get(_NAME)
    if field is not None and field.readable and field.cast == "text" and not field.many:
        email = raw("coalesce(nullif(") + email + raw(", ") + literal("") + raw("), account.") + name(_NAME) + raw(")")
    return (
        raw("SELECT ")
        + value(collection.name, "text")
        + raw(" AS collection, account.id, ")
        + email
        + raw(" AS called FROM ")
        + qualified("public", collection.name)
        + raw(" AS account WHERE account.id = ANY (")
        + value(sorted(ids), "text[]")
        + raw(")")
    )


def called(actor: Mapping[str, Any], names: Mapping[Person, str]) -> dict[str, Any]:
    """An actor as the API writes it, with what it is called; whoever has a name already, such as a key, keeps it."""
    found = names.get((actor["collection"], actor["id"]), "")
    return {**actor, "name": actor["name"] or found}
