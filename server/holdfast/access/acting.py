"""The principal that a question is about."""

from collections.abc import Mapping

from holdfast.access.question import Asker
from holdfast.auth.key_use import key_principal
from holdfast.auth.principals import principal_of, roles_column
from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.db.sql import qualified, raw, value
from holdfast.errors import Problem, ValidationFailed
from holdfast.identity import GUEST, Principal


async def principal_meant(tx: Transaction, catalog: Catalog, asker: Asker) -> Principal:
    """Who is meant, with the roles that they have now. Raises ValidationFailed for one that is not there."""
    if asker.key:
        return await _key_meant(tx, catalog, asker.key)
    if asker.role:
        return _role_meant(catalog, asker.role)
    if not asker.collection:
        return GUEST
    collection = catalog.find(asker.collection)
    if collection is None or not collection.is_auth:
        raise _refusal({"collection": Problem("validation_invalid_value", "There is no auth collection of that name.")})
    row = await tx.fetchrow(
        raw("SELECT ")
        + roles_column(collection)
        + raw(" AS roles FROM ")
        + qualified("public", collection.name)
        + raw(' WHERE "id" = ')
        + value(asker.id, "text")
    )
    if row is None:
        raise _refusal({"id": Problem("validation_invalid_value", "There is no record of that id.")})
    return principal_of(collection, asker.id, catalog.role_ids(row["roles"]))


def _role_meant(catalog: Catalog, name: str) -> Principal:
    """Somebody who has the role and is nobody else, as an API key with this role alone would be."""
    role = catalog.role(name)
    if role is None:
        raise _refusal({"role": Problem("validation_invalid_value", "There is no role of that name.")})
    return Principal("key", name=role.name, roles=(role.id,))


async def _key_meant(tx: Transaction, catalog: Catalog, id: str) -> Principal:
    row = await tx.fetchrow(
        raw("SELECT name, roles, superuser FROM holdfast.keys WHERE revoked IS NULL AND id = ") + value(id, "text")
    )
    if row is None:
        raise _refusal(
            {"key": Problem("validation_invalid_value", "There is no API key of that id, or it is revoked.")}
        )
    return key_principal(catalog, id, row)


def _refusal(problems: Mapping[str, Problem]) -> ValidationFailed:
    return ValidationFailed({"as": problems})
