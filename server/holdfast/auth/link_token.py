"""Tokens in mailed links: who may confirm an address, set a new password, or change an email.

Each sort is signed with a secret of its own and with the record's token key, so a new password, email or token key
ends all links that were sent before. The claims are those of PocketBase.
"""

import time
from typing import Final, Literal, TypeAlias

from holdfast.auth.account import Account, account_by_id
from holdfast.auth.tokens import LinkClaims, is_genuine, make_token, peek_as, signing_key
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.schema.auth_options import TokenOptions, auth_options
from holdfast.schema.collection import Collection

Sort: TypeAlias = Literal["verification", "passwordReset", "emailChange"]
_INVALID: Final = Problem("validation_invalid_token", "The token is not valid, or not any more: ask for a new one.")
_OTHER: Final = Problem("validation_token_collection_mismatch", "The token is for another collection.")


def make_link_token(
    collection: Collection, account: Account, sort: Sort, *, new_email: str = "", now: float | None = None
) -> str:
    """A token for a link that is mailed to the account, or to its new address."""
    options = link_options(collection, sort)
    claims = LinkClaims(
        collection_id=collection.id,
        exp=int(now or time.time()) + options.duration,
        id=account.id,
        type=sort,
        email=account.email,
        new_email=new_email,
    )
    return make_token(claims, signing_key(account.token_key, options.secret))


async def read_link_token(
    engine: Engine, collection: Collection, token: object, sort: Sort
) -> tuple[Account, LinkClaims]:
    """Whose token it is, and what it says. Raises ValidationFailed for one that does not hold."""
    claims = peek_as(token, LinkClaims) if isinstance(token, str) else None
    if claims is None or claims.type != sort:
        raise _refused(_INVALID)
    owner = engine.catalog.by_id.get(claims.collection_id)
    account = await account_by_id(engine, owner, claims.id) if owner is not None and owner.is_auth else None
    if owner is None or account is None or not _holds(owner, account, str(token), claims, sort):
        raise _refused(_INVALID)
    if owner.id != collection.id:
        raise _refused(_OTHER)
    return account, claims


def link_options(collection: Collection, sort: Sort) -> TokenOptions:
    """The collection's options of a sort of link."""
    options = auth_options(collection.auth)
    match sort:
        case "verification":
            return options.verification_token
        case "passwordReset":
            return options.password_reset_token
        case "emailChange":
            return options.email_change_token


def _holds(collection: Collection, account: Account, token: str, claims: LinkClaims, sort: Sort) -> bool:
    secret = link_options(collection, sort).secret
    return bool(account.token_key and secret) and is_genuine(token, claims, signing_key(account.token_key, secret))


def _refused(problem: Problem) -> ValidationFailed:
    return ValidationFailed({"token": problem})
