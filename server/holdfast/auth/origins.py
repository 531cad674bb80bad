"""From where accounts log in: a place that is new is remembered, and its owner is told."""

import hashlib
import time
from typing import Final

from holdfast.auth.letters import ask_alert
from holdfast.auth.login import Asked, Proof
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Sql, Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.http.peer import limit_key
from holdfast.mail.later import require_mail
from holdfast.schema.auth_options import auth_options
from holdfast.schema.ids import new_id

MOST_KEPT: Final = 5  # places of one account; the one that was used longest ago is forgotten first


async def note_origin(engine: Engine, asked: Asked, proof: Proof) -> None:
    """Remember where a login came from, and have its owner told if that is new and not the first place at all."""
    if not proof.method or not auth_options(proof.collection.auth).auth_alert.enabled:
        return
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(_note(proof, fingerprint(asked), former_fingerprint(asked))))
        known = row is None or row["known"]
        if not known:
            await engine.pool.execute(Statement.of(_forget(proof)))
    if not known and row is not None and row["others"] and proof.account.email and _can_tell(engine):
        await ask_alert(engine, proof.collection, proof.account.id, asked.origin, int(time.time()))


def _can_tell(engine: Engine) -> bool:
    """Whether a mail can go out at all: a server without one lets people log in all the same."""
    try:
        require_mail(engine)
    except Unavailable:
        return False
    return True


def fingerprint(asked: Asked) -> str:
    """What tells places apart: the network, and what the client calls itself. 32 characters, like PocketBase's."""
    text = f"{limit_key(asked.origin.address)}\n{asked.origin.agent}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def former_fingerprint(asked: Asked) -> str:
    """What PocketBase called the place: one that was known before a move is known after it."""
    text = asked.origin.address + asked.origin.agent[:300]
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _note(proof: Proof, place: str, former: str) -> Sql:
    """Writes the place down; `known` says whether it was there, `others` how many there were."""
    return (
        raw('WITH held AS (SELECT "fingerprint" FROM public."_authOrigins" WHERE')
        + _mine(proof)
        + raw("), noted AS (")
        + raw('INSERT INTO public."_authOrigins" ("id", "collectionRef", "recordRef", "fingerprint") VALUES (')
        + value(new_id(), "text")
        + raw(", ")
        + value(proof.collection.id, "text")
        + raw(", ")
        + value(proof.account.id, "text")
        + raw(", ")
        + value(place, "text")
        + raw(
            ') ON CONFLICT ("collectionRef", "recordRef", "fingerprint") DO UPDATE SET "updated" = now() RETURNING 1)'
        )
        + raw(" SELECT (SELECT count(*) FROM noted) AS noted, count(*) AS others, coalesce(bool_or(fingerprint IN (")
        + value(place, "text")
        + raw(", ")
        + value(former, "text")
        + raw(")), false) AS known FROM held")
    )


def _forget(proof: Proof) -> Sql:
    return (
        raw('DELETE FROM public."_authOrigins" WHERE "id" IN (SELECT "id" FROM public."_authOrigins" WHERE')
        + _mine(proof)
        + raw(' ORDER BY "updated" DESC, "id" DESC OFFSET ')
        + value(MOST_KEPT, "bigint")
        + raw(")")
    )


def _mine(proof: Proof) -> Sql:
    return (
        raw(' "collectionRef" = ')
        + value(proof.collection.id, "text")
        + raw(' AND "recordRef" = ')
        + value(proof.account.id, "text")
    )
