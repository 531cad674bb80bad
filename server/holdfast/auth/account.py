"""Accounts: what a login has to know of an auth record, and how the record is found."""

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row
from holdfast.db.sql import Sql, Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.schema.collection import Collection


class Account(msgspec.Struct, frozen=True):
    """The part of an auth record that a login needs; `password` is its hash, `version` that of the whole record."""

    id: str
    password: str
    token_key: str
    email: str = ""
    verified: bool = False
    version: str = ""


NOBODY = Account("", "", "")


def auth_collection(catalog: Catalog, id_or_name: str) -> Collection:
    """The auth collection of this id or name. Raises NotFound for others too."""
    collection = catalog.get(id_or_name)
    if not collection.is_auth:
        raise NotFound("There is no auth collection of that name.")
    return collection


async def account_by_id(engine: Engine, collection: Collection, id: str) -> Account | None:
    """The account with this record id."""
    return await account_by(engine, collection, "id", id)


async def account_by(engine: Engine, collection: Collection, field: str, content: str) -> Account | None:
    """The account whose field, of which no two records have the same, holds exactly this."""
    if not content:
        return None
    sql = select_account(collection) + raw(" WHERE ") + name(field) + raw(" = ") + value(content, "text")
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(sql + raw(" LIMIT 1")))
    return read_account(row) if row else None


def select_account(collection: Collection) -> Sql:
    """The start of a statement that reads accounts, up to its WHERE."""
    columns = raw('SELECT "id", "password", "tokenKey", "email", "verified", xmin::text AS version FROM ')
    return columns + qualified("public", collection.name)


def read_account(row: Row) -> Account:
    """The account in a row of `select_account`."""
    return Account(row["id"], row["password"], row["tokenKey"], row["email"], row["verified"], row["version"])
