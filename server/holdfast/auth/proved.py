"""The one door of every login: somebody has shown to be an account, and here it is seen what follows from that.

Whatever the method, its service ends in `proved`: the collection's authRule, a second factor, the alert about a new
place, and the answer are the same for all of them.
"""

from typing import Final, TypeAlias

import msgspec
import structlog

from holdfast.audit.actions import Action
from holdfast.auth.answer import LoggedIn, logged_in
from holdfast.auth.auth_rule import require_auth_rule
from holdfast.auth.blocks import require_unblocked
from holdfast.auth.hooked import after_login, before_login
from holdfast.auth.login import Asked, Proof
from holdfast.auth.noting import Reason, note_failure, note_login
from holdfast.auth.origins import note_origin
from holdfast.auth.second_factor import begin_mfa, complete_mfa, wants_second
from holdfast.auth.sessions import Renewed, begin_session
from holdfast.engine import Engine
from holdfast.errors import ApiError, BadRequest, Forbidden
from holdfast.http.response import Response

_log: Final = structlog.get_logger("holdfast.auth")
_NO_STORE: Final = ((b"cache-control", b"no-store"),)


class SecondFactor(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a first factor where two are needed: what the second one has to name."""

    mfa_id: str


Outcome: TypeAlias = LoggedIn | SecondFactor


async def proved(engine: Engine, asked: Asked, proof: Proof) -> Outcome:
    """What an account that has shown who it is gets for it.

    Raises Forbidden for a blocked account and one that the collection's authRule refuses, and BadRequest for a second
    factor that does not go with the first.
    """
    try:
        await require_unblocked(engine, proof.collection, proof.account.id)
    except Forbidden:
        await _note(engine, asked, proof, "blocked", reason="blocked")
        raise
    try:
        await require_auth_rule(engine, proof.collection, proof.account.id, asked.facts)
    except Forbidden:
        await _note(engine, asked, proof, "refused by authRule", reason="auth_rule")
        raise
    if await _lacks_second(engine, asked, proof):
        await _note(engine, asked, proof, "second factor needed", "auth.second_factor_asked")
        return SecondFactor(await begin_mfa(engine, proof))
    try:
        proof = await before_login(engine, asked, proof)
    except ApiError:
        await _note(engine, asked, proof, "refused by a plugin", reason="plugin")
        raise
    session = await _begin(engine, asked, proof) if asked.session and proof.method else None
    answer = await logged_in(
        engine, proof.collection, proof.account, fields=asked.fields, expand=asked.expand, session=session
    )
    await note_origin(engine, asked, proof)
    await _note(engine, asked, proof, "logged in", "auth.login")
    await after_login(engine, asked, proof)
    return msgspec.structs.replace(answer, meta=proof.meta)


async def _lacks_second(engine: Engine, asked: Asked, proof: Proof) -> bool:
    """Whether a second factor has still to follow; one that has come is used up. Raises BadRequest."""
    try:
        if not await wants_second(engine, asked, proof):
            return False
        if asked.mfa_id:
            await complete_mfa(engine, proof, asked.mfa_id)
        return not asked.mfa_id
    except BadRequest:
        await _note(engine, asked, proof, "second factor refused", reason="second_factor")
        raise


async def _begin(engine: Engine, asked: Asked, proof: Proof) -> Renewed:
    return await begin_session(engine, proof.collection, proof.account.id, proof.account.token_key, asked.origin)


async def _note(
    engine: Engine,
    asked: Asked,
    proof: Proof,
    outcome: str,
    action: Action = "auth.login_failed",
    reason: Reason = "second_factor",
) -> None:
    """Write a login down: who, how, from where, and what became of it. `reason` is that of one that failed."""
    if not proof.method:
        return
    collection, id = proof.collection, proof.account.id
    if action == "auth.login_failed":
        await note_failure(engine, asked, collection, proof.method, reason, id)
    else:
        await note_login(engine, asked, action, collection, id, proof.method)
    _log.info(
        "login",
        outcome=outcome,
        method=proof.method,
        collection=proof.collection.name,
        record=proof.account.id,
        address=asked.origin.address,
    )


def login_response(outcome: Outcome) -> Response:
    """The answer over HTTP: 200, or 401 with `mfaId` as PocketBase's clients look for it."""
    status = 401 if isinstance(outcome, SecondFactor) else 200
    return Response(status, msgspec.json.encode(outcome), _NO_STORE)
