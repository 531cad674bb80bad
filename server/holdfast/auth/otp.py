"""Logging in with a password that is mailed and used once."""

from typing import Final

import msgspec
import structlog

from holdfast.auth.account import NOBODY, Account, account_by_id
from holdfast.auth.attempts import begin_attempt, count_attempt, forgive
from holdfast.auth.auth_rule import require_open
from holdfast.auth.changing import change_account
from holdfast.auth.letters import ask_by_email
from holdfast.auth.login import Asked, Proof
from holdfast.auth.noting import count_failure, note_failure
from holdfast.auth.proved import Outcome, proved
from holdfast.auth.verification import verified_changes
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row, Transaction
from holdfast.db.sql import Sql, Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, RateLimited, ValidationFailed
from holdfast.passwords import check_password
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.ids import new_id

METHOD: Final = "otp"
TRIES: Final = 5  # of one password
TRIES_OF_ACCOUNT: Final = 10  # of all passwords of one account, within the window of attempts.py
MOST_ALIVE: Final = 10  # passwords of one account that wait to be used; no more are sent
MAX_SECONDS: Final = 86_400  # the longest that one can be set to last
SWEPT_AT_ONCE: Final = 10_000
_WRONG: Final = "The one-time password is wrong, or not valid any more."
_log: Final = structlog.get_logger("holdfast.auth")


class OneTimePassword(msgspec.Struct, frozen=True):
    """A one-time password as somebody typed it."""

    id: str
    password: str


async def request_otp(engine: Engine, collection: Collection, email: str) -> str:
    """Have a one-time password sent; the id that it will be known by, alike for addresses that nobody has."""
    require_otp(collection)
    id = new_id()
    await ask_by_email(engine, collection, "otp", email, id)
    return id


async def log_in_with_otp(engine: Engine, collection: Collection, typed: OneTimePassword, asked: Asked) -> Outcome:
    """Log a record in with its one-time password, which is used up, even where a second factor has to follow.

    One that is wrong, old, used or of nobody gives the same BadRequest after the same work. Raises Forbidden where
    nobody can log in this way, and RateLimited after too many tries.
    """
    require_otp(collection)
    require_open(collection, asked.facts)
    of_password = f"{collection.id} otp {typed.id}"
    try:
        await begin_attempt(engine.pool, of_password, asked.origin.address, most=TRIES)
    except RateLimited:
        count_failure(engine, asked, collection, METHOD, "limited")
        raise
    found = await _find(engine, collection, typed.id)
    # Counted for the account too, since one can ask for many; and so that this does not tell that there is one, too
    # many tries only make all its passwords wrong. Nobody is counted as well, so that time does not tell either.
    of_account = f"{collection.id} otp of {found['record_id'] if found else typed.id}"
    tries = await count_attempt(engine.pool, of_account)
    verdict = await check_password(typed.password, found["password"] if found else "")
    right = verdict.right and tries <= TRIES_OF_ACCOUNT
    if found is None or not right or not await _use_up(engine, collection, typed.id):
        _log.info("login", outcome="failed", method=METHOD, collection=collection.name, address=asked.origin.address)
        await note_failure(engine, asked, collection, METHOD, "wrong_code", found["record_id"] if found else "")
        raise BadRequest(_WRONG)
    await forgive(engine.pool, of_password, asked.origin.address)
    await forgive(engine.pool, of_account, asked.origin.address)
    account = await _verified(engine, collection, found, asked)
    return await proved(engine, asked, Proof(collection=collection, account=account, method=METHOD))


def require_otp(collection: Collection) -> None:
    """Raise Forbidden where nobody logs in with one-time passwords."""
    if not auth_options(collection.auth).otp.enabled:
        raise Forbidden("This collection does not take one-time passwords.")


async def keep_otp(tx: Transaction, collection: Collection, account: Account, id: str, hashed: str) -> bool:
    """Keep a password that is about to be sent; False when enough of the account wait already, or it is there."""
    # One after the other for an account: jobs that count at once would all find room.
    one_account = value(f"otp {collection.id} {account.id}", "text")
    await tx.execute(raw("SELECT pg_advisory_xact_lock(hashtextextended(") + one_account + raw(", 0))"))
    duration = auth_options(collection.auth).otp.duration
    sql = (
        raw('INSERT INTO public."_otps" ("id", "collectionRef", "recordRef", "password", "sentTo") SELECT ')
        + value(id, "text")
        + raw(", ")
        + value(collection.id, "text")
        + raw(", ")
        + value(account.id, "text")
        + raw(", ")
        + value(hashed, "text")
        + raw(", ")
        + value(account.email, "text")
        + raw(' WHERE (SELECT count(*) FROM public."_otps" WHERE "collectionRef" = ')
        + value(collection.id, "text")
        + raw(' AND "recordRef" = ')
        + value(account.id, "text")
        + _in_time(duration)
        + raw(") < ")
        + value(MOST_ALIVE, "bigint")
        + raw(" ON CONFLICT DO NOTHING")
    )
    return (await tx.execute(sql)).endswith(" 1")


async def _find(engine: Engine, collection: Collection, id: str) -> Row | None:
    sql = raw('SELECT "recordRef" AS record_id, "password", "sentTo" AS sent_to FROM public."_otps" WHERE')
    with as_api_errors():
        return await engine.pool.fetchrow(Statement.of(sql + _alive(collection, id)))


async def _use_up(engine: Engine, collection: Collection, id: str) -> bool:
    """Of two that come at once with the right password, one is the first."""
    with as_api_errors():
        done = await engine.pool.execute(Statement.of(raw('DELETE FROM public."_otps" WHERE') + _alive(collection, id)))
    return done.endswith(" 1")


async def _verified(engine: Engine, collection: Collection, found: Row, asked: Asked) -> Account:
    """The account, verified by now if the password came to its address."""
    account = await account_by_id(engine, collection, found["record_id"]) or NOBODY
    if not account.id:
        raise BadRequest(_WRONG)
    if account.verified or not account.email or account.email != found["sent_to"]:
        return account
    # The second factor stays what it is: a new password would end the first one.
    changes = {"verified": True} if asked.mfa_id else verified_changes(collection)
    try:
        await change_account(engine, collection, account, changes, asked.facts)
    except ValidationFailed as failure:
        _log.warning("an account could not be marked verified", collection=collection.name, reason=failure.message)
    return await account_by_id(engine, collection, account.id) or account


def _alive(collection: Collection, id: str) -> Sql:
    duration = auth_options(collection.auth).otp.duration
    mine = raw(' "id" = ') + value(id, "text") + raw(' AND "collectionRef" = ') + value(collection.id, "text")
    return mine + _in_time(duration)


def _in_time(seconds: int) -> Sql:
    return raw(' AND "created" > now() - make_interval(secs => ') + value(seconds, "double precision") + raw(")")


_SWEEP: Final = Statement.of(
    raw('DELETE FROM public."_otps" WHERE ctid = ANY (ARRAY(SELECT ctid FROM public."_otps"')
    + raw(' WHERE "created" < now() - make_interval(secs => ')
    + value(MAX_SECONDS, "double precision")
    + raw(") LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def sweep_otps(pool: Pool) -> int:
    """Forget passwords that nobody can use any more; how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
