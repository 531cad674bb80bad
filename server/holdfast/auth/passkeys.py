"""Passkeys: registered by who is logged in, and a way to log in without a name or a password."""

import hmac
import os
from typing import Any, Final, Literal

import structlog

from holdfast.auth.account import Account
from holdfast.auth.ceremonies import (
    CHALLENGE_SECONDS,
    Ceremony,
    NotProven,
    Passkey,
    Signed,
    check_login,
    check_registration,
    client_data,
    credential_id,
    encode,
    login_options,
    registration_options,
    user_handle,
)
from holdfast.auth.relying_party import RelyingParty, relying_party
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Sql, Statement, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.ids import new_id
from holdfast.sealed import derived_key

MOST_PASSKEYS: Final = 50  # of one record
CHALLENGE_BYTES: Final = 32
SWEPT_AT_ONCE: Final = 10_000
_Purpose = Literal["register", "login"]
_CEREMONIES: Final[dict[_Purpose, Ceremony]] = {"register": "webauthn.create", "login": "webauthn.get"}
_log: Final = structlog.get_logger("holdfast.auth")
_SHOWN: Final = raw(
    "id, name, transports, synced, holdfast.stamp(created) AS created, coalesce(holdfast.stamp(used), '') AS used"
)


def require_passkeys(collection: Collection) -> None:
    """Raise Forbidden where the collection takes none."""
    if not auth_options(collection.auth).passkey_auth.enabled:
        raise Forbidden("This collection does not take passkeys.")


async def ask_to_register(engine: Engine, collection: Collection, account: Account) -> Any:
    """The options for a browser to make a passkey with. Raises BadRequest for who has too many."""
    with as_api_errors():
        known = await engine.pool.fetch(
            Statement.of(raw("SELECT credential_id FROM holdfast.passkeys WHERE") + _of(collection, account.id))
        )
    if len(known) >= MOST_PASSKEYS:
        raise BadRequest("There are too many passkeys already: delete one first.")
    party = _party(engine)
    challenge = await _challenge(engine, "register", collection, account.id)
    name = account.email or account.id
    handle = _handle(engine, collection, account.id)
    return registration_options(party, handle, name, challenge, [row["credential_id"] for row in known])


async def register(
    engine: Engine, collection: Collection, record_id: str, name: str, credential: dict[str, Any]
) -> Row:
    """Keep the passkey that a browser has made; its row as it is shown. Raises BadRequest for one that is not good."""
    party = _party(engine)
    try:
        challenge = await _take_challenge(engine, "register", collection, record_id, credential)
        passkey = check_registration(party, credential, challenge)
    except NotProven as failure:
        _log.info("a passkey was refused", collection=collection.name, record=record_id, reason=str(failure))
        raise BadRequest("This passkey cannot be registered: begin anew.") from failure
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(_insert(collection, record_id, name, passkey)))
    if row is None:
        raise BadRequest("This passkey is registered already.")
    return row


async def ask_to_login(engine: Engine, collection: Collection) -> Any:
    """The options for a browser to log in with, whoever sits there."""
    party = _party(engine)
    return login_options(party, await _challenge(engine, "login", collection, ""))


async def check_passkey(
    engine: Engine, collection: Collection, credential: dict[str, Any], address: str
) -> tuple[str, bool]:
    """Whose passkey has signed, and whether it has looked at the person (by finger, face or PIN).

    Raises BadRequest, the same for every reason; the log has it.
    """
    try:
        return await _check(engine, collection, credential)
    except NotProven as failure:
        _log.info(
            "login",
            outcome="failed",
            method="passkey",
            collection=collection.name,
            address=address,
            reason=str(failure),
        )
        raise BadRequest("Failed to authenticate.") from failure


async def _check(engine: Engine, collection: Collection, credential: dict[str, Any]) -> tuple[str, bool]:
    party = _party(engine)
    challenge = await _take_challenge(engine, "login", collection, "", credential)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            # Held until its counter is written: of two answers with one count the second is refused.
            row = await tx.fetchrow(_lock(collection, credential_id(credential)))
            if row is None:
                raise NotProven("there is no such passkey")
            handle = user_handle(credential)
            if handle and not hmac.compare_digest(handle, _handle(engine, collection, row["record_id"])):
                raise NotProven("the passkey says that it is somebody else's")
            signed = check_login(party, credential, challenge, row["public_key"], row["sign_count"])
            await tx.execute(_used(row["id"], signed))
    return row["record_id"], signed.verified


async def list_passkeys(engine: Engine, collection: Collection, record_id: str) -> list[Row]:
    """The passkeys of a record, the oldest first."""
    sql = raw("SELECT ") + _SHOWN + raw(" FROM holdfast.passkeys WHERE") + _of(collection, record_id)
    with as_api_errors():
        return await engine.pool.fetch(Statement.of(sql + raw(" ORDER BY holdfast.passkeys.created, id")))


async def delete_passkey(engine: Engine, collection: Collection, record_id: str, id: str) -> bool:
    """Forget a passkey of a record; False when there is none."""
    sql = raw("DELETE FROM holdfast.passkeys WHERE id = ") + value(id, "text") + raw(" AND")
    with as_api_errors():
        return await engine.pool.execute(Statement.of(sql + _of(collection, record_id))) != "DELETE 0"


def _party(engine: Engine) -> RelyingParty:
    return relying_party(engine.catalog.options, engine.settings)


def _handle(engine: Engine, collection: Collection, record_id: str) -> bytes:
    """What a passkey knows its owner by: the same for ever, and nothing that says who it is."""
    content = f"{collection.id}/{record_id}".encode()
    return hmac.digest(derived_key(engine.secret, "passkey owner"), content, "sha256")


async def _challenge(engine: Engine, purpose: _Purpose, collection: Collection, record_id: str) -> bytes:
    challenge = os.urandom(CHALLENGE_BYTES)
    sql = (
        raw("INSERT INTO holdfast.challenges (challenge, purpose, collection_id, record_id, expires) VALUES (")
        + value(encode(challenge), "text")
        + raw(", ")
        + value(purpose, "text")
        + raw(", ")
        + value(collection.id, "text")
        + raw(", ")
        + value(record_id, "text")
        + raw(", now() + make_interval(secs => ")
        + value(CHALLENGE_SECONDS, "double precision")
        + raw("))")
    )
    with as_api_errors():
        await engine.pool.execute(Statement.of(sql))
    return challenge


async def _take_challenge(
    engine: Engine, purpose: _Purpose, collection: Collection, record_id: str, credential: dict[str, Any]
) -> str:
    """The challenge that the browser says it answers: one of ours, for this, and used up now whatever comes of it."""
    said = client_data(credential)
    if said.type != _CEREMONIES[purpose]:
        raise NotProven("the answer is to another question")
    sql = (
        raw("DELETE FROM holdfast.challenges WHERE challenge = ")
        + value(said.challenge, "text")
        + raw(" AND purpose = ")
        + value(purpose, "text")
        + raw(" AND")
        + _of(collection, record_id)
        + raw(" AND expires > now() RETURNING challenge")
    )
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(sql))
    if row is None:
        raise NotProven("the challenge is none of ours, or was answered already")
    return str(row["challenge"])


def _of(collection: Collection, record_id: str) -> Sql:
    return raw(" collection_id = ") + value(collection.id, "text") + raw(" AND record_id = ") + value(record_id, "text")


def _lock(collection: Collection, credential: bytes) -> Sql:
    return (
        raw("SELECT held.id, held.record_id, held.public_key, held.sign_count FROM holdfast.passkeys AS held JOIN ")
        + qualified("public", collection.name)
        + raw(" AS account ON account.id = held.record_id WHERE held.credential_id = ")
        + value(credential, "bytea")
        + raw(" AND held.collection_id = ")
        + value(collection.id, "text")
        + raw(" FOR UPDATE OF held")
    )


def _insert(collection: Collection, record_id: str, name: str, passkey: Passkey) -> Sql:
    return (
        raw(
            "INSERT INTO holdfast.passkeys (id, collection_id, record_id, name, credential_id, public_key, sign_count,"
            " transports, aaguid, synced) VALUES ("
        )
        + value(new_id(), "text")
        + raw(", ")
        + value(collection.id, "text")
        + raw(", ")
        + value(record_id, "text")
        + raw(", ")
        + value(name, "text")
        + raw(", ")
        + value(passkey.credential_id, "bytea")
        + raw(", ")
        + value(passkey.public_key, "bytea")
        + raw(", ")
        + value(passkey.sign_count, "bigint")
        + raw(", ")
        + value(list(passkey.transports), "text[]")
        + raw(", ")
        + value(passkey.aaguid, "text")
        + raw(", ")
        + value(passkey.synced, "boolean")
        + raw(") ON CONFLICT (credential_id) DO NOTHING RETURNING ")
        + _SHOWN
    )


def _used(id: str, signed: Signed) -> Sql:
    return (
        raw("UPDATE holdfast.passkeys SET used = now(), sign_count = ")
        + value(signed.sign_count, "bigint")
        + raw(", synced = ")
        + value(signed.synced, "boolean")
        + raw(" WHERE id = ")
        + value(id, "text")
    )


_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.challenges WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.challenges")
    + raw(" WHERE expires < now() LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def sweep_challenges(pool: Pool) -> int:
    """Forget challenges that nobody has answered in time; how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
