"""A person's authenticator app: enrolled, confirmed, asked for codes, turned off."""

import time
from typing import Final, Literal

import msgspec
import structlog

from holdfast.auth.totp import (
    matching_step,
    new_recovery_codes,
    new_secret,
    otpauth_url,
    recovery_hash,
    shown_secret,
)
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row, Transaction
from holdfast.db.sql import Sql, Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, RateLimited, ValidationFailed
from holdfast.schema.collection import Collection
from holdfast.sealed import seal, unseal

MOST_FAILURES: Final = 5  # wrong codes in a row, after which none is tried for BLOCKED_SECONDS
BLOCKED_SECONDS: Final = 300
PURPOSE: Final = "totp"
_log: Final = structlog.get_logger("holdfast.auth")
_Verdict = Literal["right", "wrong", "blocked", "absent"]


class Enrolment(msgspec.Struct, frozen=True):
    """What an authenticator app is given: the secret to type, or the same in a URL for a QR code."""

    secret: str
    url: str


class State(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a person has an authenticator, since when, and how many recovery codes are left."""

    enabled: bool
    confirmed: str = ""
    recovery_codes: int = 0


async def enrol(engine: Engine, collection: Collection, record_id: str, label: str, issuer: str) -> Enrolment:
    """Give a person a new secret. It counts from the first code on (`confirm`); until then it can be had anew.

    Raises BadRequest when there is an authenticator already.
    """
    secret = new_secret()
    sealed = seal(engine.secret, PURPOSE, _place(collection, record_id), secret)
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(_upsert(collection, record_id, sealed)))
    if row is None:
        raise BadRequest("There is an authenticator already: turn it off first.")
    return Enrolment(shown_secret(secret), otpauth_url(secret, issuer, label))


async def confirm(engine: Engine, collection: Collection, record_id: str, code: str) -> list[str]:
    """Turn the authenticator on with a first code of it; the recovery codes, which are shown this once.

    Raises ValidationFailed for a wrong code, BadRequest when nothing waits for it, and RateLimited after too many.
    """
    codes: list[str] = []
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            verdict = await _try(engine, tx, collection, record_id, code, confirmed=False)
            if verdict == "right":
                confirming = raw("UPDATE holdfast.totps SET confirmed = now() WHERE") + _of(collection, record_id)
                await tx.execute(confirming)
                codes = await _renew_codes(tx, collection, record_id)
    _require(verdict, "There is nothing to confirm: enrol first.")
    return codes


async def check_code(engine: Engine, collection: Collection, record_id: str, code: str) -> None:
    """Take a code of the app, or a recovery code, and use it up.

    Raises ValidationFailed for a wrong one and for one that was taken before, BadRequest when there is no
    authenticator, and RateLimited after too many wrong ones.
    """
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            verdict = await _try(engine, tx, collection, record_id, code, confirmed=True)
    if verdict == "wrong":
        _log.info("a second factor failed", collection=collection.name, record=record_id)
    _require(verdict, "There is no authenticator.")


async def disable(engine: Engine, collection: Collection, record_id: str) -> bool:
    """Turn the authenticator off and forget it with its recovery codes; False when there was none."""
    sql = raw("DELETE FROM holdfast.totps WHERE") + _of(collection, record_id)
    with as_api_errors():
        return await engine.pool.execute(Statement.of(sql)) != "DELETE 0"


async def renew_recovery_codes(engine: Engine, collection: Collection, record_id: str) -> list[str]:
    """New recovery codes in place of all that there were. Raises BadRequest when there is no authenticator."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            row = await tx.fetchrow(_lock(collection, record_id))
            if row is None or not row["confirmed"]:
                raise BadRequest("There is no authenticator.")
            return await _renew_codes(tx, collection, record_id)


async def state_of(engine: Engine, collection: Collection, record_id: str) -> State:
    """What a person has."""
    sql = (
        raw("SELECT holdfast.stamp(confirmed) AS confirmed, (SELECT count(*) FROM holdfast.recovery_codes WHERE")
        + _of(collection, record_id)
        + raw(") AS codes FROM holdfast.totps WHERE confirmed IS NOT NULL AND")
        + _of(collection, record_id)
    )
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(sql))
    return State(enabled=True, confirmed=row["confirmed"], recovery_codes=row["codes"]) if row else State(enabled=False)


def _require(verdict: _Verdict, absent: str) -> None:
    if verdict == "absent":
        raise BadRequest(absent)
    if verdict == "blocked":
        raise RateLimited(
            "Too many wrong codes: wait a little and try again.", headers={"Retry-After": str(BLOCKED_SECONDS)}
        )
    if verdict == "wrong":
        problem = Problem("validation_invalid_code", "Is wrong, or was used before.")
        raise ValidationFailed({"code": problem}, "Failed to authenticate: see data.")


async def _try(
    engine: Engine, tx: Transaction, collection: Collection, record_id: str, code: str, *, confirmed: bool
) -> _Verdict:
    """Check a code while nobody else can, and write down what became of it."""
    row = await tx.fetchrow(_lock(collection, record_id))
    if row is None or row["confirmed"] is not confirmed:
        return "absent"
    if row["is_blocked"]:
        return "blocked"
    step = _step(engine, collection, record_id, row, code)
    if step is not None or (confirmed and await _use_recovery_code(tx, collection, record_id, code)):
        await tx.execute(_took(collection, record_id, step))
        return "right"
    await tx.execute(_failed(collection, record_id))
    return "wrong"


def _step(engine: Engine, collection: Collection, record_id: str, row: Row, code: str) -> int | None:
    secret = unseal(engine.secret, PURPOSE, _place(collection, record_id), row["secret"])
    return matching_step(secret, code, time.time(), row["last_step"])


async def _use_recovery_code(tx: Transaction, collection: Collection, record_id: str, code: str) -> bool:
    hashed = recovery_hash(code)
    if hashed is None:
        return False
    sql = raw("DELETE FROM holdfast.recovery_codes WHERE") + _of(collection, record_id) + raw(" AND hash = ")
    return await tx.execute(sql + value(hashed, "bytea")) != "DELETE 0"


async def _renew_codes(tx: Transaction, collection: Collection, record_id: str) -> list[str]:
    codes = new_recovery_codes()
    await tx.execute(raw("DELETE FROM holdfast.recovery_codes WHERE") + _of(collection, record_id))
    await tx.execute(
        raw("INSERT INTO holdfast.recovery_codes (collection_id, record_id, hash) SELECT ")
        + value(collection.id, "text")
        + raw(", ")
        + value(record_id, "text")
        + raw(", code.hash FROM unnest(")
        + value([recovery_hash(code) for code in codes], "bytea[]")
        + raw(") AS code (hash)")
    )
    return codes


def _place(collection: Collection, record_id: str) -> str:
    return f"{collection.id}/{record_id}"


def _of(collection: Collection, record_id: str) -> Sql:
    return raw(" collection_id = ") + value(collection.id, "text") + raw(" AND record_id = ") + value(record_id, "text")


def _lock(collection: Collection, record_id: str) -> Sql:
    # Many tries at once stand in line: each sees how often those before it failed.
    return (
        raw(
            "SELECT secret, confirmed IS NOT NULL AS confirmed, last_step,"
            " coalesce(blocked > clock_timestamp(), false) AS is_blocked FROM holdfast.totps WHERE"
        )
        + _of(collection, record_id)
        + raw(" FOR UPDATE")
    )


def _took(collection: Collection, record_id: str, step: int | None) -> Sql:
    return (
        raw("UPDATE holdfast.totps SET failures = 0, last_step = greatest(last_step, ")
        + value(step or 0, "bigint")
        + raw(") WHERE")
        + _of(collection, record_id)
    )


def _failed(collection: Collection, record_id: str) -> Sql:
    return (
        raw("UPDATE holdfast.totps SET failures = (failures + 1) % ")
        + value(MOST_FAILURES, "int")
        + raw(", blocked = CASE WHEN failures + 1 >= ")
        + value(MOST_FAILURES, "int")
        + raw(" THEN clock_timestamp() + make_interval(secs => ")
        + value(BLOCKED_SECONDS, "double precision")
        + raw(") END WHERE")
        + _of(collection, record_id)
    )


def _upsert(collection: Collection, record_id: str, sealed: bytes) -> Sql:
    # What was counted stays: a new secret gives nobody new tries.
    return (
        raw("INSERT INTO holdfast.totps AS held (collection_id, record_id, secret) VALUES (")
        + value(collection.id, "text")
        + raw(", ")
        + value(record_id, "text")
        + raw(", ")
        + value(sealed, "bytea")
        + raw(") ON CONFLICT (collection_id, record_id) DO UPDATE SET secret = excluded.secret, last_step = 0,")
        + raw(" created = now() WHERE held.confirmed IS NULL RETURNING true")
    )
