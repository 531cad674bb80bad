"""Logging in with the account of another service."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from holdfast.auth.attempts import count_attempt
from holdfast.auth.auth_rule import require_open
from holdfast.auth.login import Asked, Proof
from holdfast.auth.noting import count_failure
from holdfast.auth.oauth2_account import Newcomer, account_of
from holdfast.auth.oauth2_asking import discovered
from holdfast.auth.oauth2_client import Client, clients, find_client
from holdfast.auth.oauth2_exchange import Code, Tokens, exchange, person
from holdfast.auth.oauth2_profile import Profile
from holdfast.auth.oauth2_start import Start, is_verifier, start
from holdfast.auth.proved import Outcome, proved
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, Problem, ValidationFailed
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

METHOD: Final = "oauth2"
_log: Final = structlog.get_logger("holdfast.auth")
_UNKNOWN: Final = Problem("validation_invalid_provider", "This collection has no such provider.")
_NO_VERIFIER: Final = Problem(
    "validation_invalid_verifier", "Must be the codeVerifier that auth-methods gave: 43 to 128 letters and digits."
)
_NO_REDIRECT: Final = Problem("validation_redirect_not_allowed", "Must be one of the collection's oauth2.redirectURLs.")
_USED: Final = Problem("validation_code_used", "Was used before: begin again.")


class Coming(msgspec.Struct, frozen=True):
    """Somebody who comes from a provider, and what their app sends for the record if they are new."""

    provider: str
    code: Code
    create_data: Mapping[str, Any]


async def log_in_with_oauth2(engine: Engine, collection: Collection, coming: Coming, asked: Asked) -> Outcome:
    """Log in whoever the provider says that it is; one who is new gets a record, as the createRule has it.

    Raises BadRequest for whatever the provider does not do, ValidationFailed for what cannot be sent to it, and
    Forbidden where nobody can log in this way.
    """
    client = _require(collection, coming)
    require_open(collection, asked.facts)
    if not await _is_unused(engine, collection, coming):
        count_failure(engine, asked, collection, METHOD, "code_used")
        raise ValidationFailed({"code": _USED})
    try:
        client = await discovered(engine, client)
        tokens = await exchange(engine, client, coming.code)
        profile = await person(engine, client, tokens, coming.code.verifier)
        found = await account_of(engine, Newcomer(collection, client, profile, coming.create_data), asked)
    except (BadRequest, Forbidden):
        count_failure(engine, asked, collection, METHOD, "provider")
        raise
    proof = Proof(
        collection=collection,
        account=found.account,
        method=METHOD,
        meta=_meta(profile, tokens, is_new=found.is_new),
    )
    return await proved(engine, asked, proof)


async def starts(engine: Engine, collection: Collection) -> list[Start]:
    """The providers of a collection, each with a new beginning. One that cannot be reached is left out."""
    options = auth_options(collection.auth).oauth2
    found: list[Start] = []
    for client in clients(options) if options.enabled else ():
        try:
            found.append(start(await discovered(engine, client)))
        except BadRequest:
            continue  # which was written down
    return found


def _require(collection: Collection, coming: Coming) -> Client:
    """The app at the provider. Raises Forbidden and ValidationFailed for what needs nobody to be asked."""
    options = auth_options(collection.auth).oauth2
    if not options.enabled:
        raise Forbidden("This collection does not take OAuth2 logins.")
    client = find_client(options, coming.provider)
    if client is None:
        raise ValidationFailed({"provider": _UNKNOWN})
    problems: dict[str, Problem] = {}
    if client.pkce and not is_verifier(coming.code.verifier):
        problems["codeVerifier"] = _NO_VERIFIER
    # Exactly: what only begins or ends alike is somebody else's page.
    if options.redirect_urls and coming.code.redirect_url not in options.redirect_urls:
        problems["redirectURL"] = _NO_REDIRECT
    if problems:
        raise ValidationFailed(problems)
    return client


async def _is_unused(engine: Engine, collection: Collection, coming: Coming) -> bool:
    """Providers should take no code twice; that they do is not left to them."""
    digest = hashlib.sha256(coming.code.code.encode("utf-8", "replace")).hexdigest()
    if await count_attempt(engine.pool, f"{collection.id} {coming.provider} code {digest}") > 1:
        _log.info("login", outcome="code used again", method=METHOD, collection=collection.name)
        return False
    return True


def _meta(profile: Profile, tokens: Tokens, *, is_new: bool) -> dict[str, Any]:
    return {
        "id": profile.id,
        "name": profile.name,
        "username": profile.username,
        "email": profile.email,
        "avatarURL": profile.avatar_url,
        "avatarUrl": profile.avatar_url,  # what clients of before PocketBase 0.23 look at
        "rawUser": profile.raw,
        "accessToken": tokens.access_token,
        "refreshToken": tokens.refresh_token,
        "expiry": tokens.expiry,
        "isNew": is_new,
    }
