"""A new password for somebody who has forgotten theirs."""

from collections.abc import Mapping
from typing import Any

from holdfast.auth.changing import change_account
from holdfast.auth.link_token import read_link_token
from holdfast.auth.oauth2_links import forget_other_ways
from holdfast.auth.typed import text_problem
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import BadRequest, ValidationFailed
from holdfast.rules.facts import Facts
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection


def require_passwords(collection: Collection) -> None:
    """Raise BadRequest where nobody logs in with a password."""
    if not auth_options(collection.auth).password_auth.enabled:
        raise BadRequest("This collection does not take passwords.")


async def confirm_password_reset(engine: Engine, collection: Collection, body: Mapping[str, Any], facts: Facts) -> str:
    """Set the new password, which ends all tokens of the account, this one too; the id of the record.

    Who could read the mail has shown that the address is theirs. If nobody had before, the account may have been made
    by anybody: passkeys, authenticators and links to providers that are there are not of its owner, and end. Raises
    ValidationFailed.
    """
    problems = {key: problem for key in ("password", "passwordConfirm") if (problem := text_problem(body.get(key)))}
    if problems:
        raise ValidationFailed(problems)
    account, claims = await read_link_token(engine, collection, body.get("token"), "passwordReset")
    changes = {"password": body.get("password"), "passwordConfirm": body.get("passwordConfirm")}
    if account.verified or not account.email or claims.email != account.email:
        await change_account(engine, collection, account, changes, facts)
        return account.id
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await change_account(engine, collection, account, {**changes, "verified": True}, facts, tx)
            await forget_other_ways(tx, collection, account.id)
    return account.id
