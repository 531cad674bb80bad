"""Finds the account that is meant by what somebody calls themselves: an email, or any other field that names one."""

import unicodedata

from holdfast.auth.account import NOBODY, Account, read_account, select_account
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Sql, Statement, join, name, number, raw, value
from holdfast.engine import Engine
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.index_reading import read_indexes


async def find_account(engine: Engine, collection: Collection, identity: str, field: str = "") -> Account:
    """The account with this identity, or NOBODY. `field` narrows what the identity can be.

    One statement, however many fields can name somebody, so that time does not tell which of them fits.
    """
    return await _find(engine, collection, identity, identity_fields(collection, identity, field))


async def find_by_email(engine: Engine, collection: Collection, email: str) -> Account:
    """The account with this email, or NOBODY."""
    return await _find(engine, collection, email, ["email"])


def identity_fields(collection: Collection, identity: str, field: str = "") -> list[str]:
    """The fields to look an identity up in, the likeliest first; none for a field that names nobody."""
    allowed = auth_options(collection.auth).password_auth.identity_fields
    fields = [name for name in allowed if name in collection.by_name and field in ("", name)]
    if "@" in identity:
        fields.sort(key=lambda name: name != "email")
    return fields


def is_folded(collection: Collection, field: str) -> bool:
    """Whether the field's values are unique whatever their case is: then they are looked up so too."""
    indexes = [index for index in read_indexes(collection).values() if index.sole_unique_field == field]
    return any(index.parts[0].folded or index.parts[0].function == "lower" for index in indexes)


def names_it(collection: Collection, field: str, identity: str) -> Sql:
    """The condition for a record to be the one that `identity` means in this field."""
    if field == "email":
        identity = unicodedata.normalize("NFKC", identity)  # as emails are kept
    if is_folded(collection, field):
        return raw("lower(") + name(field) + raw(") = lower(") + value(identity, "text") + raw(")")
    return name(field) + raw(" = ") + value(identity, "text")


async def _find(engine: Engine, collection: Collection, identity: str, fields: list[str]) -> Account:
    if not fields or not identity:
        return NOBODY
    found = [
        raw("SELECT ")
        + number(rank)
        + raw(" AS rank, account.* FROM (")
        + select_account(collection)
        + raw(" WHERE ")
        + names_it(collection, field, identity)
        + raw(" LIMIT 1) AS account")
        for rank, field in enumerate(fields)
    ]
    sql = join(" UNION ALL ", found) + raw(" ORDER BY rank LIMIT 1")
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(sql))
    return read_account(row) if row else NOBODY
