"""Confirming that an email address belongs to the account."""

from holdfast.auth.changing import change_account, random_password
from holdfast.auth.link_token import read_link_token
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, ValidationFailed
from holdfast.rules.facts import Facts
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS


def refuse_superusers(collection: Collection) -> None:
    """Raise BadRequest for the collection whose accounts need no confirmation."""
    if collection.name == SUPERUSERS:
        raise BadRequest("Superusers are verified from the start.")


async def confirm_verification(engine: Engine, collection: Collection, token: object, facts: Facts) -> None:
    """Mark the account verified. Done twice is fine. Raises ValidationFailed for a token that does not hold."""
    refuse_superusers(collection)
    account, claims = await read_link_token(engine, collection, token, "verification")
    if not claims.email or claims.email != account.email:
        problem = Problem("validation_token_email_mismatch", "The account has another email by now.")
        raise ValidationFailed({"token": problem})
    if not account.verified:
        await change_account(engine, collection, account, verified_changes(collection), facts)


def verified_changes(collection: Collection) -> dict[str, object]:
    """What changes when somebody shows for the first time that the address is theirs.

    Where nobody logs in with a password, one that a stranger may have set before them must not count later either.
    """
    changes: dict[str, object] = {"verified": True}
    if not auth_options(collection.auth).password_auth.enabled:
        changes.update(random_password())
    return changes
