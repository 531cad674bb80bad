"""Finds out who sent a request, and remembers it for a few seconds."""

import time
from typing import Final

import msgspec

from holdfast.auth.tokens import Claims, is_genuine, peek, signing_key
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.identity import GUEST, Principal
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS

KEPT_SECONDS: Final = 5.0  # how long a token may still work after its record's tokenKey changed
MOST_KEPT: Final = 10_000  # tokens


class _Known(msgspec.Struct, frozen=True):
    principal: Principal
    until: float  # on the monotonic clock
    catalog_version: int


class Principals:
    """The tokens that this process has seen lately, and who they belong to."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    async def authenticate(self, engine: Engine, headers: dict[bytes, bytes]) -> Principal:
        """Who the `Authorization` header belongs to, with or without `Bearer` before the token.

        A token that is invalid, expired or of a record that is gone makes its sender a guest. A good one costs a
        query every KEPT_SECONDS. Raises Unavailable when the database is away.
        """
        header = headers.get(b"authorization")
        if not header:
            return GUEST
        known = self._known.get(header)
        if known is not None and known.until > time.monotonic() and known.catalog_version == engine.catalog.version:
            return known.principal
        return await self._find(engine, header)

    async def _find(self, engine: Engine, header: bytes) -> Principal:
        catalog_version = engine.catalog.version
        token = bare_token(header)
        claims = peek(token)
        if claims is None:
            return GUEST
        principal = await identify(engine, token, claims)
        if principal is GUEST:
            # Not kept: anybody can make as many of these as they like.
            return GUEST
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        left = min(KEPT_SECONDS, claims.exp - time.time())
        self._known[header] = _Known(principal, time.monotonic() + left, catalog_version)
        return principal


def bare_token(header: bytes) -> str:
    """The token of an `Authorization` header."""
    text = header.decode("latin-1").strip()
    return text[7:].strip() if text[:7].lower() == "bearer " else text


async def identify(engine: Engine, token: str, claims: Claims) -> Principal:
    """Who the token belongs to, checked against the record as it is now; a guest when it does not hold."""
    collection = engine.catalog.by_id.get(claims.collection_id)
    if collection is None or not collection.is_auth or claims.exp <= time.time():
        return GUEST
    token_key = await read_token_key(engine, collection, claims.id)
    secret = auth_options(collection.auth).auth_token.secret
    if not token_key or not secret or not is_genuine(token, claims, signing_key(token_key, secret)):
        return GUEST
    return principal_of(collection, claims.id)


def principal_of(collection: Collection, record_id: str) -> Principal:
    """The principal of an auth record."""
    kind = "superuser" if collection.name == SUPERUSERS and collection.system else "user"
    return Principal(kind, collection.id, collection.name, record_id)


async def read_token_key(engine: Engine, collection: Collection, record_id: str) -> str:
    """The record's half of the signing key; empty when there is no such record."""
    sql = (
        raw('SELECT "tokenKey" FROM ')
        + qualified("public", collection.name)
        + raw(" WHERE ")
        + name("id")
        + raw(" = ")
        + value(record_id, "text")
    )
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(sql))
    return str(row["tokenKey"]) if row else ""
