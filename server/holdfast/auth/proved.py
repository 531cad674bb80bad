"""The one door of every login: somebody has shown to be an account, and here it is seen what follows from that.

Whatever the method, its service ends in `proved`: the collection's authRule, a second factor, the alert about a new
place, and the answer are the same for all of them.
"""

from typing import Final, TypeAlias

import msgspec
import structlog

from holdfast.auth.answer import LoggedIn, logged_in
from holdfast.auth.auth_rule import require_auth_rule
from holdfast.auth.login import Asked, Proof
from holdfast.auth.origins import note_origin
from holdfast.auth.second_factor import begin_mfa, complete_mfa, wants_second
from holdfast.auth.sessions import Renewed, begin_session
from holdfast.engine import Engine
from holdfast.errors import Forbidden
from holdfast.http.response import Response

_log: Final = structlog.get_logger("holdfast.auth")
_NO_STORE: Final = ((b"cache-control", b"no-store"),)


class SecondFactor(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a first factor where two are needed: what the second one has to name."""

    mfa_id: str


Outcome: TypeAlias = LoggedIn | SecondFactor


async def proved(engine: Engine, asked: Asked, proof: Proof) -> Outcome:
    """What an account that has shown who it is gets for it.

    Raises Forbidden when the collection's authRule refuses the record, and BadRequest for a second factor that does
    not go with the first.
    """
    try:
        await require_auth_rule(engine, proof.collection, proof.account.id, asked.facts)
    except Forbidden:
        note(asked, proof, "refused by authRule")
        raise
    if await wants_second(engine, asked, proof):
        if not asked.mfa_id:
            note(asked, proof, "second factor needed")
            return SecondFactor(await begin_mfa(engine, proof))
        await complete_mfa(engine, proof, asked.mfa_id)
    session = await _begin(engine, asked, proof) if asked.session and proof.method else None
    answer = await logged_in(
        engine, proof.collection, proof.account, fields=asked.fields, expand=asked.expand, session=session
    )
    await note_origin(engine, asked, proof)
    note(asked, proof, "logged in")
    return msgspec.structs.replace(answer, meta=proof.meta)


async def _begin(engine: Engine, asked: Asked, proof: Proof) -> Renewed:
    return await begin_session(engine, proof.collection, proof.account.id, proof.account.token_key, asked.origin)


def note(asked: Asked, proof: Proof, outcome: str) -> None:
    """Write a login down in the log: who, how, from where, and what became of it."""
    if not proof.method:
        return
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
