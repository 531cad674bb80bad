"""Sessions: logins that are renewed by refresh tokens, can be looked at, and can be ended one by one."""

import os
from typing import Final

import msgspec
import structlog

from holdfast.audit.accounts import account_kind
from holdfast.audit.author import author_of
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.auth.refresh_tokens import (
    NONCE_BYTES,
    RefreshKeys,
    RefreshToken,
    first_token,
    hash_token,
    read_token,
    successor,
    write_token,
)
from holdfast.auth.tokens import key_digest, signing_key
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row, Transaction
from holdfast.db.sql import Sql, Statement, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import Unauthenticated
from holdfast.identity import GUEST
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.ids import new_id

TOKEN_SECONDS: Final = 900  # a token of a session is renewed by then
GRACE_SECONDS: Final = 10  # in which a refresh token that was replaced still answers with the one that replaced it
MOST_SESSIONS: Final = 100  # of one record; the ones that were not used for longest end first
MAX_AGENT_CHARS: Final = 255
SWEPT_AT_ONCE: Final = 10_000
_log: Final = structlog.get_logger("holdfast.auth")


class Origin(msgspec.Struct, frozen=True):
    """Where a login comes from: the client's address, what it calls itself, and the id of its request.

    `agent` is what it says as a browser, `client` its name and version as a client of the API.
    """

    address: str
    agent: str
    request: str = ""
    client: str = ""


class Renewed(msgspec.Struct, frozen=True):
    """A session after a refresh: whose it is, and what its client sends the next time."""

    id: str
    record_id: str
    refresh_token: str


async def begin_session(
    engine: Engine, collection: Collection, record_id: str, token_key: str, origin: Origin
) -> Renewed:
    """A new session of a record that has just shown who it is. Too many of one record end the oldest."""
    options = auth_options(collection.auth)
    token = first_token(new_id())
    digest = key_digest(signing_key(token_key, options.auth_token.secret))
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await tx.execute(_make_room(collection, record_id))
            await tx.execute(_insert(collection, record_id, token, digest, options.auth_token.duration, origin))
    return Renewed(token.session_id, record_id, write_token(RefreshKeys.of(engine.secret), token))


async def renew_session(engine: Engine, collection: Collection, text: str, origin: Origin) -> Renewed:
    """Replace a refresh token by its successor.

    One that was replaced less than GRACE_SECONDS ago gives the same successor again: answers get lost, and two windows
    refresh at once. Any other that was used before ends the session: two hold it then, and one of them stole it.
    Raises Unauthenticated when there is nothing to renew.
    """
    keys = RefreshKeys.of(engine.secret)
    token = read_token(keys, text)
    if token is None:
        raise _ended()
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            renewed = await _renew(engine, tx, collection, keys, token, origin)
    # Raised here, since what ends the session has to be committed.
    if renewed is None:
        raise _ended()
    return renewed


def _ended() -> Unauthenticated:
    return Unauthenticated("This session has ended: log in again.")


async def _renew(
    engine: Engine, tx: Transaction, collection: Collection, keys: RefreshKeys, token: RefreshToken, origin: Origin
) -> Renewed | None:
    """The session as it goes on, or None when it does not."""
    row = await tx.fetchrow(_lock(collection, token.session_id))
    if row is None:
        return None
    options = auth_options(collection.auth)
    if row["expired"] or not _is_still(row, options.auth_token.secret):
        await tx.execute(_end(token.session_id))
        return None
    presented = hash_token(token)
    if presented == row["token_hash"]:
        nonce = os.urandom(NONCE_BYTES)
        following = successor(keys, token, nonce)
        await tx.execute(_rotate(following, presented, nonce, options.auth_token.duration, origin))
        return Renewed(token.session_id, row["record_id"], write_token(keys, following))
    if presented == row["previous_hash"] and row["in_grace"]:
        return Renewed(token.session_id, row["record_id"], write_token(keys, successor(keys, token, row["nonce"])))
    await tx.execute(_end(token.session_id))
    await write(tx, author_of(GUEST, origin.request, origin.address, origin.client), _reused(collection, row, token))
    _log.warning(
        "a refresh token was used twice: its session is ended, since somebody may have stolen it",
        collection=collection.name,
        record=row["record_id"],
        session=token.session_id,
        address=origin.address,
    )
    return None


def _reused(collection: Collection, row: Row, token: RefreshToken) -> Entry:
    target = Target(account_kind(collection), row["record_id"], collection.name)
    details = {"session": token.session_id}
    return Entry(action="auth.refresh_token_reused", target=target, outcome="failure", details=details)


def _is_still(row: Row, secret: str) -> bool:
    """Whether the key of the record's tokens is the one that the session began with."""
    token_key = row["token_key"]
    return bool(token_key and secret) and key_digest(signing_key(token_key, secret)) == row["key_digest"]


def _lock(collection: Collection, id: str) -> Sql:
    """The session, held for this transaction: of two refreshes at once one waits, and sees what the other did."""
    return (
        raw(
            "SELECT held.record_id, held.key_digest, held.token_hash, held.previous_hash, held.nonce,"
            " held.expires <= now() AS expired, held.rotated > now() - make_interval(secs => "
        )
        + value(GRACE_SECONDS, "double precision")
        + raw(') AS in_grace, account."tokenKey" AS token_key FROM holdfast.sessions AS held LEFT JOIN ')
        + qualified("public", collection.name)
        + raw(' AS account ON account."id" = held.record_id WHERE held.id = ')
        + value(id, "text")
        + raw(" AND held.collection_id = ")
        + value(collection.id, "text")
        + raw(" FOR UPDATE OF held")
    )


def _insert(
    collection: Collection, record_id: str, token: RefreshToken, digest: str, seconds: int, origin: Origin
) -> Sql:
    return (
        raw(
            "INSERT INTO holdfast.sessions"
            " (id, collection_id, record_id, key_digest, token_hash, expires, address, agent) VALUES ("
        )
        + value(token.session_id, "text")
        + raw(", ")
        + value(collection.id, "text")
        + raw(", ")
        + value(record_id, "text")
        + raw(", ")
        + value(digest, "text")
        + raw(", ")
        + value(hash_token(token), "bytea")
        + raw(", ")
        + _expires(seconds)
        + raw(", ")
        + value(origin.address, "text")
        + raw(", ")
        + value(origin.agent, "text")
        + raw(")")
    )


def _rotate(following: RefreshToken, presented: bytes, nonce: bytes, seconds: int, origin: Origin) -> Sql:
    return (
        raw("UPDATE holdfast.sessions SET generation = ")
        + value(following.generation, "bigint")
        + raw(", token_hash = ")
        + value(hash_token(following), "bytea")
        + raw(", previous_hash = ")
        + value(presented, "bytea")
        + raw(", nonce = ")
        + value(nonce, "bytea")
        + raw(", rotated = now(), used = now(), expires = ")
        + _expires(seconds)
        + raw(", address = ")
        + value(origin.address, "text")
        + raw(", agent = ")
        + value(origin.agent, "text")
        + raw(" WHERE id = ")
        + value(following.session_id, "text")
    )


def _expires(seconds: int) -> Sql:
    """A session lasts as long as a token without one would, from its last refresh on."""
    return raw("now() + make_interval(secs => ") + value(seconds, "double precision") + raw(")")


def _make_room(collection: Collection, record_id: str) -> Sql:
    return (
        raw("DELETE FROM holdfast.sessions WHERE id IN (SELECT id FROM holdfast.sessions WHERE collection_id = ")
        + value(collection.id, "text")
        + raw(" AND record_id = ")
        + value(record_id, "text")
        + raw(" ORDER BY used DESC OFFSET ")
        + value(MOST_SESSIONS - 1, "bigint")
        + raw(")")
    )


def _end(id: str) -> Sql:
    return raw("DELETE FROM holdfast.sessions WHERE id = ") + value(id, "text")


async def list_sessions(engine: Engine, collection: Collection, record_id: str) -> list[Row]:
    """The sessions of a record that have not ended, the one that was used last first."""
    sql = (
        raw(
            "SELECT id, record_id, holdfast.stamp(created) AS created, holdfast.stamp(used) AS used,"
            " holdfast.stamp(expires) AS expires, address, agent FROM holdfast.sessions WHERE expires > now() AND"
        )
        + _of(collection, record_id)
        + raw(" ORDER BY holdfast.sessions.used DESC, id DESC")
    )
    with as_api_errors():
        return await engine.pool.fetch(Statement.of(sql))


async def end_session(engine: Engine, collection: Collection, record_id: str, id: str) -> bool:
    """End one session of a record; False when there is none. Its tokens stop everywhere within KEPT_SECONDS."""
    return await _delete(engine, _of(collection, record_id) + raw(" AND id = ") + value(id, "text")) > 0


async def end_sessions(engine: Engine, collection: Collection, record_id: str) -> int:
    """End all sessions of a record; how many there were."""
    return await _delete(engine, _of(collection, record_id))


def _of(collection: Collection, record_id: str) -> Sql:
    return raw(" collection_id = ") + value(collection.id, "text") + raw(" AND record_id = ") + value(record_id, "text")


async def _delete(engine: Engine, condition: Sql) -> int:
    with as_api_errors():
        tag = await engine.pool.execute(Statement.of(raw("DELETE FROM holdfast.sessions WHERE") + condition))
    return int(tag.rpartition(" ")[2])


_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.sessions WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.sessions")
    + raw(" WHERE expires < now() LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def sweep_sessions(pool: Pool) -> int:
    """Forget sessions that have expired, at most SWEPT_AT_ONCE of them; the number of those that are gone."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
