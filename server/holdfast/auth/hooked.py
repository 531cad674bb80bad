"""What plugins do around logins, and what they add to tokens."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.auth.account import Account
from holdfast.auth.login import Asked, Proof
from holdfast.auth.principals import principal_of
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import PluginFailed
from holdfast.hooks.calling import call, call_one, call_quietly
from holdfast.hooks.origin import Origin
from holdfast.identity import Principal
from holdfast.plugin import Login, OAuth2Newcomer, TokenClaims
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection

MAX_EXTRA_BYTES: Final = 2048  # of what plugins add to a token: it goes along with every request
# What the server writes into tokens and links, and the names that RFC 7519 has given a meaning.
RESERVED: Final = frozenset(
    ("aud", "collectionId", "digest", "email", "exp", "iat", "id", "iss", "jti", "nbf", "newEmail", "refreshable")
) | frozenset(("sid", "sub", "type"))


def _origin(collection: Collection, who: Principal, facts: Facts | None, tx: Transaction | None = None) -> Origin:
    if facts is None:
        return Origin(who=who, collection=collection, tx=tx)
    return Origin(who=who, request_id=facts.request_id, collection=collection, tx=tx, facts=lambda: facts)


def login_of(asked: Asked, proof: Proof) -> Login:
    """A login as plugins see it."""
    meta = {} if isinstance(proof.meta, msgspec.UnsetType) else dict(proof.meta)
    return Login(proof.account.id, proof.account.email, proof.method, asked.origin.address, meta)


async def before_login(engine: Engine, asked: Asked, proof: Proof) -> Proof:
    """The proof with the `meta` that plugins leave. Raises what they refuse the login with."""
    calls = engine.hooks.auth_before_login
    if not calls or not proof.method:
        return proof
    login = login_of(asked, proof)
    who = principal_of(proof.collection, proof.account.id)
    await call(calls, _origin(proof.collection, who, asked.facts), login)
    return msgspec.structs.replace(proof, meta=login.meta) if login.meta else proof


async def after_login(engine: Engine, asked: Asked, proof: Proof) -> None:
    """Tell plugins of a login."""
    calls = engine.hooks.auth_after_login
    if calls and proof.method:
        who = principal_of(proof.collection, proof.account.id)
        await call_quietly(calls, _origin(proof.collection, who, asked.facts), login_of(asked, proof))


async def map_oauth2(
    engine: Engine, collection: Collection, newcomer: OAuth2Newcomer, asked: Asked, tx: Transaction
) -> dict[str, Any]:
    """The values of a newcomer's record as plugins leave them. Raises what they refuse it with."""
    await call(engine.hooks.auth_map_oauth2, _origin(collection, asked.facts.who, asked.facts, tx), newcomer)
    return newcomer.values


async def token_claims(engine: Engine, collection: Collection, account: Account) -> Mapping[str, Any]:
    """What plugins have a token say. Raises PluginFailed for names that are the server's own."""
    claims = TokenClaims(account.id, {})
    origin = _origin(collection, principal_of(collection, account.id), None)
    for called in engine.hooks.auth_token_claims:
        await call_one(called, origin, claims)
        wrong = _wrong_claims(claims.extra)
        if wrong:
            raise PluginFailed(called.plugin, called.hook, wrong)
    return claims.extra


def _wrong_claims(extra: Mapping[str, Any]) -> str:
    taken = sorted(RESERVED & extra.keys())
    if taken:
        return f"it set the claim {taken[0]}, which the server alone sets"
    try:
        size = len(msgspec.json.encode(extra))
    except (TypeError, ValueError) as failure:
        return f"it added claims that are no JSON: {failure}"
    return f"it made the token larger than {MAX_EXTRA_BYTES} bytes more" if size > MAX_EXTRA_BYTES else ""
