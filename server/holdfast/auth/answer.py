"""The answer to a login: a token, and the record as its owner sees it."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.auth.account import Account
from holdfast.auth.hooked import token_claims
from holdfast.auth.principals import principal_of
from holdfast.auth.sessions import TOKEN_SECONDS, Renewed
from holdfast.auth.signing_keys import present_key, private_key
from holdfast.auth.tokens import EDDSA, Claims, key_digest, make_public_token, make_token, signing_key
from holdfast.db.sql import Inputs, Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.selection import read_fields
from holdfast.records.document import Shape, document
from holdfast.records.expansion import read_expand
from holdfast.rules.access import audience
from holdfast.rules.facts import FACTS, Facts
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection


class LoggedIn(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A login that succeeded; `record` is JSON as PostgreSQL wrote it. What was not asked for is unset."""

    token: str | msgspec.UnsetType = msgspec.UNSET
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET
    record: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    meta: Mapping[str, Any] | msgspec.UnsetType = msgspec.UNSET


async def new_token(
    engine: Engine,
    collection: Collection,
    account: Account,
    *,
    session_id: str = "",
    seconds: int = 0,
    refreshable: bool = True,
) -> str:
    """A login token for a record, signed as its collection has it.

    It is good for `seconds`; 0 is as long as the collection says.
    """
    options = auth_options(collection.auth).auth_token
    key = signing_key(account.token_key, options.secret)
    claims = Claims(
        collection_id=collection.id,
        exp=int(time.time()) + (seconds or options.duration),
        id=account.id,
        refreshable=refreshable,
        type="auth",
        sid=session_id,
        digest=key_digest(key) if options.algorithm == EDDSA else "",
    )
    extra = await token_claims(engine, collection, account)
    if options.algorithm != EDDSA:
        return make_token(claims, key, extra)
    stored = await present_key(engine)
    return make_public_token(claims, private_key(engine, stored), stored.kid, extra)


async def logged_in(
    engine: Engine,
    collection: Collection,
    account: Account,
    *,
    fields: str = "",
    expand: str = "",
    session: Renewed | None = None,
) -> LoggedIn:
    """The answer for an account that has shown who it is, in a session or without one.

    `fields` picks from the whole answer, as in PocketBase: `token,record.email`. Raises BadRequest if it or
    `expand` cannot be read, and NotFound when the record has gone in the meantime.
    """
    wanted = read_fields(fields)
    of_record = wanted.part("record")
    answer = LoggedIn()
    if of_record is not None:
        shape = Shape(of_record, read_expand(expand))
        record = await read_own(engine, collection, account.id, shape)
        answer = msgspec.structs.replace(answer, record=msgspec.Raw(record))
    if wanted.part("token") is not None:
        answer = msgspec.structs.replace(answer, token=await _token(engine, collection, account, session))
    if session is not None and wanted.part("refreshToken") is not None:
        answer = msgspec.structs.replace(answer, refresh_token=session.refresh_token)
    return answer


async def _token(engine: Engine, collection: Collection, account: Account, session: Renewed | None) -> str:
    if session is None:
        return await new_token(engine, collection, account)
    # It is renewed by the refresh token alone: else who has stolen it could keep it alive for ever.
    seconds = min(TOKEN_SECONDS, auth_options(collection.auth).auth_token.duration)
    return await new_token(engine, collection, account, session_id=session.id, seconds=seconds, refreshable=False)


async def read_own(engine: Engine, collection: Collection, id: str, shape: Shape) -> bytes:
    """An auth record as JSON, as its owner sees it. No view rule applies: it is the caller's own.

    Raises NotFound when there is no such record.
    """
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
