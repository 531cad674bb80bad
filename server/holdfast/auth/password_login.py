"""Logging in with a password."""

import unicodedata
from typing import Final

import msgspec
import structlog

from holdfast.audit.write import hush
from holdfast.auth.account import Account
from holdfast.auth.attempts import attempt_succeeded, begin_attempt
from holdfast.auth.auth_rule import require_open
from holdfast.auth.identity_field import find_account
from holdfast.auth.login import Asked, Proof
from holdfast.auth.noting import Reason, count_failure, note_failure
from holdfast.auth.proved import Outcome, proved
from holdfast.db.sql import qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, RateLimited
from holdfast.passwords import check_password, hash_password, in_line
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

METHOD: Final = "password"
_log: Final = structlog.get_logger("holdfast.auth")


class Credentials(msgspec.Struct, frozen=True):
    """Who somebody claims to be. `identity_field` narrows what `identity` can be; empty: any field that names one."""

    identity: str
    password: str
    identity_field: str = ""


async def log_in(engine: Engine, collection: Collection, credentials: Credentials, asked: Asked) -> Outcome:
    """Log a record in with its password.

    An unknown identity and a wrong password give the same BadRequest, after the same work. Raises Forbidden when
    nobody can log in to the collection this way, and RateLimited after too many failures.
    """
    if not auth_options(collection.auth).password_auth.enabled:
        raise Forbidden("This collection does not take passwords.")
    require_open(collection, asked.facts)
    key = account_key(collection, credentials.identity)
    with in_line():
        account = await _guess(engine, collection, credentials, asked, key)
    return await proved(engine, asked, Proof(collection=collection, account=account, method=METHOD))


def account_key(collection: Collection, identity: str) -> str:
    """Under what attempts on one account are counted: its spelling does not make it another."""
    return f"{collection.id} {unicodedata.normalize('NFKC', identity).casefold()}"


async def _guess(engine: Engine, collection: Collection, credentials: Credentials, asked: Asked, key: str) -> Account:
    address = asked.origin.address
    try:
        await begin_attempt(engine.pool, key, address)
    except RateLimited:
        count_failure(engine, asked, collection, METHOD, "limited")
        _log.warning("login", outcome="limited", method=METHOD, collection=collection.name, address=address)
        raise
    account = await find_account(engine, collection, credentials.identity, credentials.identity_field)
    verdict = await check_password(credentials.password, account.password)
    if not verdict.right:
        # Without the identity: people type passwords into that field.
        _log.info("login", outcome="failed", method=METHOD, collection=collection.name, address=address)
        reason: Reason = "wrong_password" if account.id else "unknown_account"
        await note_failure(engine, asked, collection, METHOD, reason, account.id)
        raise BadRequest("Failed to authenticate.")
    await attempt_succeeded(engine.pool, key, address)
    if verdict.rewrite:
        await _rewrite(engine, collection, account, credentials.password)
    return account


async def _rewrite(engine: Engine, collection: Collection, account: Account, password: str) -> None:
    """Store the password anew with today's parameters, unless it was changed in the meantime."""
    sql = (
        raw("UPDATE ")
        + qualified("public", collection.name)
        + raw(' SET "password" = ')
        + value(await hash_password(password), "text")
        + raw(' WHERE "id" = ')
        + value(account.id, "text")
        + raw(' AND "password" = ')
        + value(account.password, "text")
    )
    async with engine.pool.transaction() as tx:
        await hush(tx)  # it is the password that it was
        await tx.execute(sql)
