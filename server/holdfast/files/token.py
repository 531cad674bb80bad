"""Tokens that open protected files: short-lived, and good for nothing else, so that they may stand in an address."""

import time

from holdfast.auth.principals import principal_of, roles_column
from holdfast.auth.tokens import LinkClaims, is_genuine, make_token, peek_as, signing_key
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row
from holdfast.db.sql import Statement, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import Unauthenticated
from holdfast.identity import GUEST, Principal
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection


async def make_file_token(engine: Engine, who: Principal) -> str:
    """A token with which its holder gets the protected files that `who` may view.

    Raises Unauthenticated for whoever has no record that could vouch for it.
    """
    collection = engine.catalog.by_id.get(who.collection_id)
    row = None if collection is None else await _read(engine, collection, who.record_id)
    if collection is None or row is None:
        raise Unauthenticated
    options = auth_options(collection.auth).file_token
    claims = LinkClaims(
        collection_id=collection.id, exp=int(time.time()) + options.duration, id=who.record_id, type="file"
    )
    return make_token(claims, signing_key(row["tokenKey"], options.secret))


async def holder_of(engine: Engine, token: str) -> Principal:
    """For whom a token was made; a guest where it does not hold, or not any more."""
    claims = peek_as(token, LinkClaims)
    collection = None if claims is None else engine.catalog.by_id.get(claims.collection_id)
    if claims is None or collection is None or not collection.is_auth or claims.type != "file":
        return GUEST
    row = await _read(engine, collection, claims.id)
    secret = auth_options(collection.auth).file_token.secret
    if row is None or not row["tokenKey"] or not secret:
        return GUEST
    if not is_genuine(token, claims, signing_key(row["tokenKey"], secret)):
        return GUEST
    return principal_of(collection, claims.id, engine.catalog.role_ids(row["roles"]))


async def _read(engine: Engine, collection: Collection, record_id: str) -> Row | None:
    sql = (
        raw('SELECT "tokenKey", ')
        + roles_column(collection)
        + raw(" AS roles FROM ")
        + qualified("public", collection.name)
        + raw(' WHERE "id" = ')
        + value(record_id, "text")
    )
    with as_api_errors():
        return await engine.pool.fetchrow(Statement.of(sql))
