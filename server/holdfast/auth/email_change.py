"""A new email for an account: asked for by its owner, confirmed by whoever reads the mails of the new address."""

from collections.abc import Mapping
from typing import Any, Final

from holdfast.auth.account import Account, account_by_id
from holdfast.auth.attempts import begin_attempt, forgive
from holdfast.auth.changing import change_account
from holdfast.auth.identity_field import find_by_email
from holdfast.auth.link_token import read_link_token
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, Problem, Unauthenticated, ValidationFailed
from holdfast.identity import Principal
from holdfast.passwords import check_password
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection
from holdfast.schema.email import is_email
from holdfast.schema.field import EMPTY_MESSAGE
from holdfast.schema.system import SUPERUSERS

_TAKEN: Final = Problem("validation_invalid_new_email", "This address cannot be taken.")


def refuse_superusers(collection: Collection) -> None:
    """Raise BadRequest for the collection whose accounts change their email as any other field."""
    if collection.name == SUPERUSERS:
        raise BadRequest("Superusers change their email directly.")


async def check_new_email(engine: Engine, collection: Collection, who: Principal, new_email: object) -> Account:
    """The caller's account, after a look at the address that it is to get.

    Raises Unauthenticated, Forbidden for a record of another collection, ValidationFailed.
    """
    refuse_superusers(collection)
    if not who.record_id:
        raise Unauthenticated
    if who.collection_id != collection.id:
        raise Forbidden("This token belongs to another collection.")
    account = await account_by_id(engine, collection, who.record_id)
    if account is None:
        raise Unauthenticated
    if not new_email:
        raise _refused("newEmail", Problem("validation_required", EMPTY_MESSAGE))
    if not isinstance(new_email, str) or not is_email(new_email):
        raise _refused("newEmail", Problem("validation_is_email", "Must be an email address."))
    if new_email == account.email:
        raise _refused("newEmail", Problem("validation_not_in_invalid", "This is the address that it has now."))
    if (await find_by_email(engine, collection, new_email)).id not in ("", account.id):
        raise _refused("newEmail", _TAKEN)
    return account


async def confirm_email_change(engine: Engine, collection: Collection, body: Mapping[str, Any], facts: Facts) -> None:
    """Give the account its new email, which ends all its tokens.

    `facts` are those of the request. Raises ValidationFailed, and RateLimited after too many wrong passwords.
    """
    refuse_superusers(collection)
    password = body.get("password")
    if not isinstance(password, str) or not password:
        raise _refused("password", Problem("validation_required", EMPTY_MESSAGE))
    account, claims = await read_link_token(engine, collection, body.get("token"), "emailChange")
    if not claims.new_email:
        raise _refused("token", Problem("validation_invalid_token_payload", "The token names no new email."))
    address = facts.address()
    key = f"{collection.id} emailChange {account.id}"
    await begin_attempt(engine.pool, key, address)
    if not (await check_password(password, account.password)).right:
        problem = Problem("validation_invalid_password", "Not the password of this account.")
        raise _refused("password", problem)
    await forgive(engine.pool, key, address)
    try:
        await change_account(engine, collection, account, {"email": claims.new_email, "verified": True}, facts)
    except ValidationFailed as failure:
        if "email" not in failure.data:
            raise
        # Somebody has taken the address since the mail was sent.
        problem = Problem("validation_invalid_token_email", "The new address cannot be taken any more.")
        raise _refused("token", problem) from failure


def _refused(field: str, problem: Problem) -> ValidationFailed:
    return ValidationFailed({field: problem})
