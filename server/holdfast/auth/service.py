"""Logging in: one function for each way, no HTTP."""

from typing import Final

import msgspec
import structlog

from holdfast.auth.answer import Account, LoggedIn, logged_in
from holdfast.auth.attempts import Attempts
from holdfast.db.sql import Statement, name, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, NotFound, RateLimited, Unauthenticated
from holdfast.identity import Principal
from holdfast.passwords import check_password, hash_password
from holdfast.schema.auth_options import AuthOptions, auth_options
from holdfast.schema.collection import Collection

NOBODY: Final = Account("", "", "")
_log: Final = structlog.get_logger("holdfast.auth")


class Login(msgspec.Struct, frozen=True):
    """A login with a password. `identity_field` narrows what `identity` can be; empty: any field that can name one."""

    identity: str
    password: str
    identity_field: str = ""
    address: str = ""
    fields: str = ""
    expand: str = ""


def auth_collection(engine: Engine, id_or_name: str) -> Collection:
    """The auth collection of this id or name. Raises NotFound for others too."""
    collection = engine.catalog.get(id_or_name)
    if not collection.is_auth:
        raise NotFound("There is no auth collection of that name.")
    return collection


async def log_in(engine: Engine, attempts: Attempts, collection: Collection, login: Login) -> LoggedIn:
    """Log a record in with its password.

    An unknown identity and a wrong password give the same BadRequest, after the same work. Raises Forbidden when
    nobody can log in to the collection this way, and RateLimited after too many failures.
    """
    options = auth_options(collection.auth)
    if not options.password_auth.enabled:
        raise Forbidden("This collection does not take passwords.")
    require_login_open(options)
    account_key = f"{collection.id} {login.identity}"
    try:
        attempts.begin(account_key, login.address)
    except RateLimited:
        _log.warning("logins are limited", collection=collection.name, address=login.address)
        raise
    account = await _find(engine, collection, options, login)
    verdict = await check_password(login.password, account.password)
    if not verdict.right:
        # Without the identity: people type passwords into that field.
        _log.info("a login failed", collection=collection.name, address=login.address)
        raise BadRequest("Failed to authenticate.")
    attempts.succeeded(account_key, login.address)
    if verdict.rewrite:
        await _rewrite(engine, collection, account, login.password)
    return await logged_in(engine, collection, account, fields=login.fields, expand=login.expand)


def require_login_open(options: AuthOptions) -> None:
    """Raise Forbidden where the collection lets nobody in, or asks for more than this server can check yet."""
    if options.auth_rule is None:
        raise Forbidden("Nobody can log in to this collection: its authRule is closed.")
    if options.auth_rule:
        raise Forbidden("Nobody can log in to this collection: its authRule is an expression, and those are closed.")
    if options.mfa.enabled:
        raise Forbidden("This collection asks for a second factor, which this server does not check yet.")


async def refresh(engine: Engine, collection: Collection, who: Principal, *, fields: str, expand: str) -> LoggedIn:
    """A new token for the caller, whose present one is good.

    Raises Unauthenticated for a guest, and Forbidden for a record of another collection.
    """
    if not who.record_id:
        raise Unauthenticated
    if who.collection_id != collection.id:
        raise Forbidden("This token belongs to another collection.")
    require_login_open(auth_options(collection.auth))
    account = await account_by_id(engine, collection, who.record_id)
    if account is None:
        raise Unauthenticated
    return await logged_in(engine, collection, account, fields=fields, expand=expand)


async def account_by_id(engine: Engine, collection: Collection, id: str) -> Account | None:
    """The account with this record id."""
    return await _account(engine, collection, "id", id)


async def _find(engine: Engine, collection: Collection, options: AuthOptions, login: Login) -> Account:
    """The account that is meant, or NOBODY."""
    allowed = options.password_auth.identity_fields
    fields = [field for field in allowed if field in collection.by_name and login.identity_field in ("", field)]
    if "@" in login.identity:
        fields.sort(key=lambda field: field != "email")
    for field in fields:
        found = await _account(engine, collection, field, login.identity)
        if found is not None:
            return found
    return NOBODY


async def _account(engine: Engine, collection: Collection, field: str, content: str) -> Account | None:
    if not content:
        return None
    sql = (
        raw('SELECT "id", "password", "tokenKey" FROM ')
        + qualified("public", collection.name)
        + raw(" WHERE ")
        + name(field)
        + raw(" = ")
        + value(content, "text")
        + raw(" LIMIT 1")
    )
    row = await engine.pool.fetchrow(Statement.of(sql))
    return Account(row["id"], row["password"], row["tokenKey"]) if row else None


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
    await engine.pool.execute(Statement.of(sql))
