"""The answer to a login: a token, and the record as its owner sees it."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.auth.account import Account
from holdfast.auth.principals import principal_of
from holdfast.auth.tokens import Claims, make_token, signing_key
from holdfast.db.sql import Inputs, Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.records.document import Shape, document
from holdfast.records.expansion import read_expand
from holdfast.records.selection import read_fields
from holdfast.rules.access import audience
from holdfast.rules.facts import FACTS, Facts
from holdfast.schema.auth_options import AuthOptions, auth_options
from holdfast.schema.collection import Collection


class LoggedIn(msgspec.Struct, frozen=True):
    """A login that succeeded; `record` is JSON as PostgreSQL wrote it. What was not asked for is unset."""

    token: str | msgspec.UnsetType
    record: msgspec.Raw | msgspec.UnsetType
    meta: Mapping[str, Any] | msgspec.UnsetType = msgspec.UNSET


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

    `fields` picks from the whole answer, as in PocketBase: `token,record.email`. Raises BadRequest if it or
    `expand` cannot be read, and NotFound when the record has gone in the meantime.
    """
    wanted = read_fields(fields)
    of_record = wanted.part("record")
    record: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    if of_record is not None:
        shape = Shape(of_record, read_expand(expand))
        record = msgspec.Raw(await _read_record(engine, collection, account.id, shape))
    if wanted.part("token") is None:
        return LoggedIn(msgspec.UNSET, record)
    return LoggedIn(new_token(collection, account, auth_options(collection.auth)), record)


async def _read_record(engine: Engine, collection: Collection, id: str, shape: Shape) -> bytes:
    """An auth record as JSON, as its owner sees it. No view rule applies: it is the caller's own."""
    owner = principal_of(collection, id)
    found = document(engine.catalog, audience(owner), collection, raw("own"), shape)
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
    row = await engine.pool.fetchrow(Statement.of(sql), Inputs(named={FACTS: Facts(who=owner)}))
    if row is None:
        raise NotFound
    text = str(row["record"]).encode()
    return msgspec.json.format(text, indent=-1) if found.spaced else text
