"""Whether somebody who was let in a while ago would still be: for what stays open longer than a request."""

import time
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from holdfast.auth.browser import cookie_of
from holdfast.auth.key_use import key_principal
from holdfast.auth.principals import bare_token, identify, principal_of, roles_column
from holdfast.auth.tokens import key_digest, peek, signing_key
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.identity import GUEST, Principal
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

_SESSIONS: Final = raw("SELECT held.id FROM holdfast.sessions AS held WHERE held.expires > now() AND held.id = ANY(")
_KEYS: Final = raw(
    "SELECT k.id, k.name, k.roles, k.superuser FROM holdfast.keys AS k WHERE k.revoked IS NULL"
    " AND (k.expires IS NULL OR k.expires > now()) AND k.id = ANY("
)


class Standing(msgspec.Struct, frozen=True):
    """Who somebody was when they were let in, and what that hung on.

    `until` is when their token expires, in seconds since 1970, 0 if it does not; `proof` changes with whatever ends
    their tokens.
    """

    who: Principal = GUEST
    until: float = 0.0
    proof: str = ""


NOBODY: Final = Standing()


async def standing_of(engine: Engine, request: Request) -> Standing:
    """The standing of who sent a request. Costs two queries for a person; a guest whose token has just ended is one."""
    who = request.principal
    if not who.record_id:
        return Standing(who)
    header = request.headers.get(b"authorization")
    token = cookie_of(request) if header is None else bare_token(header)  # the console's pages have a cookie
    claims = peek(token)
    collection = engine.catalog.by_id.get(who.collection_id)
    if claims is None or collection is None:
        return NOBODY
    # First what the token hangs on, then the token: if both change in between, the standing ends, and no other way.
    people = await _people(engine, collection, (who.record_id,))
    found = await identify(engine, token, claims)
    known = people.get(found.record_id)
    return NOBODY if known is None else Standing(found, claims.exp, known.proof)


async def renewed(engine: Engine, standings: Iterable[Standing]) -> dict[Standing, Standing]:
    """Those that still hold, each with what its principal may do now. Costs a query for each sort of principal."""
    now = time.time()
    asked = [one for one in set(standings) if not one.until or one.until > now]
    found = {one: one for one in asked if not one.who.record_id and not one.who.key_id}
    keys = [one for one in asked if one.who.key_id]
    if keys:
        found |= await _renewed_keys(engine, keys)
    for collection_id in {one.who.collection_id for one in asked if one.who.record_id}:
        collection = engine.catalog.by_id.get(collection_id)
        if collection is not None and collection.is_auth:
            found |= await _renewed_people(
                engine, collection, [one for one in asked if one.who.collection_id == collection_id]
            )
    return found


async def _renewed_people(
    engine: Engine, collection: Collection, asked: Sequence[Standing]
) -> dict[Standing, Standing]:
    people = await _people(engine, collection, [one.who.record_id for one in asked])
    sessions = await _sessions(engine, [one.who.session_id for one in asked if one.who.session_id])
    found: dict[Standing, Standing] = {}
    for one in asked:
        known = people.get(one.who.record_id)
        if known is None or known.proof != one.proof:
            continue
        if one.who.session_id and one.who.session_id not in sessions:
            continue
        who = principal_of(collection, one.who.record_id, known.who.roles, one.who.session_id)
        found[one] = Standing(who, one.until, one.proof)
    return found


async def _people(engine: Engine, collection: Collection, ids: Sequence[str]) -> dict[str, Standing]:
    """By their ids, who is there; without a session, and without an end."""
    secret = auth_options(collection.auth).auth_token.secret
    sql = raw('SELECT "id", "tokenKey", ') + roles_column(collection) + raw(" AS roles FROM ")
    sql += (
        qualified("public", collection.name) + raw(" WHERE ") + name("id") + raw(" = ANY(") + value(list(ids), "text[]")
    )
    with as_api_errors():
        rows = await engine.pool.fetch(Statement.of(sql + raw(")")))
    return {
        row["id"]: Standing(
            principal_of(collection, row["id"], engine.catalog.role_ids(row["roles"])),
            proof=key_digest(signing_key(row["tokenKey"], secret)),
        )
        for row in rows
        if row["tokenKey"] and secret
    }


async def _sessions(engine: Engine, ids: Sequence[str]) -> frozenset[str]:
    if not ids:
        return frozenset()
    with as_api_errors():
        rows = await engine.pool.fetch(Statement.of(_SESSIONS + value(list(ids), "text[]") + raw(")")))
    return frozenset(row["id"] for row in rows)


async def _renewed_keys(engine: Engine, asked: Sequence[Standing]) -> dict[Standing, Standing]:
    ids = [one.who.key_id for one in asked]
    with as_api_errors():
        rows = await engine.pool.fetch(Statement.of(_KEYS + value(ids, "text[]") + raw(")")))
    known = {row["id"]: key_principal(engine.catalog, row["id"], row) for row in rows}
    return {one: Standing(known[one.who.key_id], one.until) for one in asked if one.who.key_id in known}
