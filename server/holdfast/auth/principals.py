"""Finds out who sent a request, and remembers it for a moment."""

import asyncio
import time
from typing import Final

import msgspec
import structlog

from holdfast.audit.author import author_of
from holdfast.audit.entry import Entry, Target
from holdfast.auth.browser import CSRF, cookie_of, require_csrf
from holdfast.auth.key_count import KeyUses
from holdfast.auth.key_secret import read_secret
from holdfast.auth.key_use import REFUSED, KnownKey, look_up_key, note_use
from holdfast.auth.signing_keys import STORED_KEYS, public_key, read_keys
from holdfast.auth.tokens import EDDSA, Claims, is_genuine, is_genuine_public, kid_of, peek, signing_key
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row
from holdfast.db.sql import Sql, Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import Unauthenticated
from holdfast.http.client_name import client_name
from holdfast.http.peer import limit_key
from holdfast.http.request import Request
from holdfast.identity import GUEST, Principal
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS

# How long something that was taken back still works in a process that has just seen it: a new tokenKey, other roles,
# the end of a session. Asking again costs one query by primary key, about 0.2 ms, for each caller.
KEPT_SECONDS: Final = 1.5
MOST_KEPT: Final = 10_000  # callers
API_KEY: Final = b"x-api-key"
PREFIX: Final = b"hf_"
GUESSES: Final = 600  # keys that are none, in a window of GUESS_SECONDS from one address: 10 a second
GUESS_SECONDS: Final = 60
ROLES: Final = "roles"  # the system field of an auth record
_log: Final = structlog.get_logger("holdfast.keys")


class _Known(msgspec.Struct, frozen=True):
    principal: Principal
    until: float  # on the monotonic clock
    catalog_version: int


class _Key(msgspec.Struct, frozen=True):
    known: KnownKey
    until: float
    catalog_version: int


class Principals:
    """The callers that this process has seen lately. `hits` counts those that were still known, `misses` the others."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        self._keys: dict[bytes, _Key] = {}
        self.hits = 0
        self.misses = 0
        self._noting: set[asyncio.Task[None]] = set()
        self._uses = KeyUses()

    async def close(self) -> None:
        """Wait for what is still being written."""
        await asyncio.gather(*self._noting)
        await self._uses.close()

    async def authenticate(self, engine: Engine, request: Request) -> Principal:
        """Who sent the request, by its `Authorization` header, with or without `Bearer` before the token, by an
        API key there or in `X-API-Key`, or by the cookie of the console beside `X-CSRF-Token`.

        A token that is invalid, expired or of a record that is gone makes its sender a guest; a key raises
        Unauthenticated then, and RateLimited when it is used too often. A good one costs a query every KEPT_SECONDS.
        Raises Forbidden for a cookie that another site had sent, Unauthenticated for one whose session has ended, and
        Unavailable when the database is away.
        """
        secret = request.headers.get(API_KEY)
        if secret:
            return await self._key(engine, request, secret)
        header = request.headers.get(b"authorization")
        if header is None and CSRF in request.headers:
            return await self._browser(engine, request)
        return await self._bearer(engine, request, header) if header else GUEST

    async def _browser(self, engine: Engine, request: Request) -> Principal:
        """Whose cookie it is, which counts beside its CSRF token alone. Raises Forbidden, and Unauthenticated when the
        session has ended: a page that goes on as a guest would tell its operator of closed rules instead.
        """
        token = cookie_of(request)
        if token:
            require_csrf(request, engine.secret, token)
            found = await self._bearer(engine, request, token.encode("latin-1"))
            if found is not GUEST:
                return found
        raise Unauthenticated("Your session has ended: sign in again.")

    async def _bearer(self, engine: Engine, request: Request, header: bytes) -> Principal:
        known = self._known.get(header)
        if known is not None and known.until > time.monotonic() and known.catalog_version == engine.catalog.version:
            self.hits += 1
            return known.principal
        # At its beginning alone: a token can have these letters anywhere.
        if PREFIX in header and bare_token(header).startswith(PREFIX.decode()):
            return await self._key(engine, request, header)
        return await self._find(engine, header)

    async def _find(self, engine: Engine, header: bytes) -> Principal:
        self.misses += 1
        catalog_version = engine.catalog.version
        token = bare_token(header)
        claims = peek(token)
        if claims is None:
            return GUEST
        principal = await identify(engine, token, claims)
        if principal is GUEST:
            # Not kept: anybody can make as many of these as they like.
            return GUEST
        left = min(KEPT_SECONDS, claims.exp - time.time())
        self._keep(header, _Known(principal, time.monotonic() + left, catalog_version))
        return principal

    async def _key(self, engine: Engine, request: Request, header: bytes) -> Principal:
        found = self._keys.get(header)
        if found is None or found.until <= time.monotonic() or found.catalog_version != engine.catalog.version:
            self.misses += 1
            found = await self._find_key(engine, header, request)
        else:
            self.hits += 1
        if found is None or not found.known.admits(request.client):
            if found is not None:
                _refused(engine, request, found.known, "network")
            # Who tries many is held back, whatever is wrong with them.
            await engine.limiter.take(f"keys from {limit_key(request.client)}", GUESSES, GUESS_SECONDS, "keys")
            raise Unauthenticated(REFUSED)
        principal, limit = found.known.principal, found.known.limit
        if limit is not None:
            request.has_own_limit = True
            await engine.limiter.take(f"key {principal.key_id}", limit.max_requests, limit.duration, "key")
        self._uses.add(engine, principal.key_id)
        return principal

    async def _find_key(self, engine: Engine, header: bytes, request: Request) -> _Key | None:
        catalog_version = engine.catalog.version
        presented = read_secret(bare_token(header))
        known = None if presented is None else await look_up_key(engine, presented)
        if known is None or known.ended:
            self._keys.pop(header, None)
            if known is not None:
                _refused(engine, request, known, known.ended)
            return None
        if known.is_due and known.admits(request.client):
            noting = asyncio.create_task(_note(engine, known.principal.key_id))
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)
        seconds = KEPT_SECONDS if known.seconds is None else min(KEPT_SECONDS, known.seconds)
        found = _Key(known, time.monotonic() + seconds, catalog_version)
        if len(self._keys) >= MOST_KEPT:
            self._keys.clear()
        self._keys[header] = found
        return found

    def _keep(self, caller: bytes, known: _Known) -> None:
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[caller] = known


async def _note(engine: Engine, key_id: str) -> None:
    """Write the use of a key. No request waits for it, and none fails for it: the disk may be full."""
    try:
        await note_use(engine, key_id)
    except Exception as failure:
        _log.warning("The use of an API key could not be written", key=key_id, reason=type(failure).__name__)


def _refused(engine: Engine, request: Request, known: KnownKey, reason: str) -> None:
    """Count that a key with the right secret was refused: it may be lost, or in the wrong hands."""
    who = known.principal
    target = Target("key", who.key_id, who.name)
    entry = Entry(action="key.refused", target=target, outcome="failure", reason=reason)
    engine.tally.add(
        engine.pool,
        ("key", who.key_id, reason),
        author_of(GUEST, request.id, request.client, client_name(request.headers)),
        entry,
    )


def bare_token(header: bytes) -> str:
    """The token of an `Authorization` header."""
    text = header.decode("latin-1").strip()
    return text[7:].strip() if text[:7].lower() == "bearer " else text


async def identify(engine: Engine, token: str, claims: Claims) -> Principal:
    """Who the token belongs to, checked against the record as it is now; a guest when it does not hold."""
    collection = engine.catalog.by_id.get(claims.collection_id)
    if collection is None or not collection.is_auth or claims.exp <= time.time():
        return GUEST
    options = auth_options(collection.auth).auth_token
    row = await _read(engine, collection, claims, options.algorithm)
    if row is None or not row["tokenKey"] or not options.secret or not row["alive"]:
        return GUEST
    key = signing_key(row["tokenKey"], options.secret)
    if options.algorithm == EDDSA:
        public = public_key(read_keys(row["keys"]), kid_of(token))
        genuine = public is not None and is_genuine_public(token, claims, public, key)
    else:
        genuine = is_genuine(token, claims, key)
    if not genuine:
        return GUEST
    return principal_of(collection, claims.id, engine.catalog.role_ids(row["roles"]), claims.sid)


def principal_of(
    collection: Collection, record_id: str, roles: tuple[str, ...] = (), session_id: str = ""
) -> Principal:
    """The principal of an auth record; `roles` are the sorted ids of what it has."""
    kind = "superuser" if collection.name == SUPERUSERS and collection.system else "user"
    return Principal(kind, collection.id, collection.name, record_id, roles=roles, session_id=session_id)


def roles_column(collection: Collection) -> Sql:
    """The roles of a record in SQL, as a list of names; a field that an operator has named so is no such thing."""
    field = collection.by_name.get(ROLES)
    return name(ROLES) if field is not None and field.system else raw("'{}'::text[]")


async def _read(engine: Engine, collection: Collection, claims: Claims, algorithm: str) -> Row | None:
    """The record's half of the signing key, its roles, and whether its session lives; None if there is no such record.

    One statement, with the server's own keys where the collection's tokens are signed with those.
    """
    sql = (
        raw('SELECT "tokenKey", ')
        + roles_column(collection)
        + raw(" AS roles, ")
        + _is_alive(collection, claims)
        + raw(" AS alive, ")
        + (STORED_KEYS if algorithm == EDDSA else raw("NULL"))
        + raw(" AS keys FROM ")
        + qualified("public", collection.name)
        + raw(' WHERE "id" = ')
        + value(claims.id, "text")
    )
    with as_api_errors():
        return await engine.pool.fetchrow(Statement.of(sql))


def _is_alive(collection: Collection, claims: Claims) -> Sql:
    if not claims.sid:
        return raw("true")
    return (
        raw("EXISTS (SELECT FROM holdfast.sessions AS held WHERE held.id = ")
        + value(claims.sid, "text")
        + raw(" AND held.collection_id = ")
        + value(collection.id, "text")
        + raw(" AND held.record_id = ")
        + value(claims.id, "text")
        + raw(" AND held.expires > now())")
    )
