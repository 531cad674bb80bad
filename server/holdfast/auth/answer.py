"""The answer to a login: a token, and the record as its owner sees it."""

import time

import msgspec

from holdfast.auth.principals import principal_of
from holdfast.auth.tokens import Claims, make_token, signing_key
from holdfast.db.sql import Inputs, Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.records.document import PRINCIPAL_ID, document, read_shape
from holdfast.rules.access import audience
from holdfast.schema.auth_options import AuthOptions, auth_options
from holdfast.schema.collection import Collection


class Account(msgspec.Struct, frozen=True):
    """The part of an auth record that a login needs; `password` is its hash."""

    id: str
    password: str
    token_key: str


class LoggedIn(msgspec.Struct, frozen=True):
    """A login that succeeded; `record` is JSON as PostgreSQL wrote it."""

    token: str
    record: msgspec.Raw


def new_token(collection: Collection, account: Account, options: AuthOptions, *, now: float | None = None) -> str:
    """A login token for a record."""
    claims = Claims(
        collection_id=collection.id,
        exp=int(now or time.time()) + options.auth_token.duration,
        id=account.id,
        refreshable=True,
        type="auth",
    )
    return make_token(claims, signing_key(account.token_key, options.auth_token.secret))


async def logged_in(
    engine: Engine, collection: Collection, account: Account, *, fields: str = "", expand: str = ""
) -> LoggedIn:
    """The answer for an account that has shown who it is.

    `fields` and `expand` shape the record as they do anywhere. Raises BadRequest if they cannot be read, and
    NotFound when the record has gone in the meantime.
    """
    record = await read_record(engine, collection, account.id, fields=fields, expand=expand)
    return LoggedIn(new_token(collection, account, auth_options(collection.auth)), msgspec.Raw(record))


async def read_record(engine: Engine, collection: Collection, id: str, *, fields: str = "", expand: str = "") -> bytes:
    """An auth record as JSON, as its owner sees it. No view rule applies: it is the caller's own."""
    owner = principal_of(collection, id)
    found = document(engine.catalog, audience(owner), collection, raw("own"), read_shape(fields, expand))
    sql = (
        raw("SELECT ")
        + found.sql
        + raw(" AS record FROM ")
        + qualified("public", collection.name)
        + raw(" AS own WHERE own.")
        + name("id")
        + raw(" = ")
        + value(id, "text")
    )
    row = await engine.pool.fetchrow(Statement.of(sql), Inputs(named={PRINCIPAL_ID: id}))
    if row is None:
        raise NotFound
    text = str(row["record"]).encode()
    return msgspec.json.format(text, indent=-1) if found.spaced else text
