"""Two factors: the first login of somebody who needs two waits in `_mfas` for another one, by another method."""

from typing import Final

from holdfast.auth.auth_rule import satisfies
from holdfast.auth.login import Asked, Proof
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool
from holdfast.db.sql import Sql, Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.ids import new_id

MAX_SECONDS: Final = 86_400  # the longest that a first factor can be set to wait
SWEPT_AT_ONCE: Final = 10_000
TOTP: Final = "totp"  # the method of an authenticator, which is always the second


async def wants_second(engine: Engine, asked: Asked, proof: Proof) -> bool:
    """Whether this login needs two factors: its collection asks for them, or its owner has an authenticator.

    Raises BadRequest for a second factor that is not the authenticator's, where there is one.
    """
    if not proof.method or proof.whole:
        return False
    if proof.method == TOTP:
        return True
    if await _has_authenticator(engine, proof):
        if asked.mfa_id:
            raise BadRequest("The second factor of this account is its authenticator: send its code to auth-with-totp.")
        return True
    mfa = auth_options(proof.collection.auth).mfa
    return mfa.enabled and await satisfies(engine, proof.collection, proof.account.id, mfa.rule, asked.facts)


async def _has_authenticator(engine: Engine, proof: Proof) -> bool:
    sql = (
        raw("SELECT 1 AS found FROM holdfast.totps WHERE confirmed IS NOT NULL AND collection_id = ")
        + value(proof.collection.id, "text")
        + raw(" AND record_id = ")
        + value(proof.account.id, "text")
    )
    with as_api_errors():
        return await engine.pool.fetchrow(Statement.of(sql)) is not None


async def begin_mfa(engine: Engine, proof: Proof) -> str:
    """Remember the first factor; the id that the second one has to name."""
    id = new_id()
    sql = (
        raw('INSERT INTO public."_mfas" ("id", "collectionRef", "recordRef", "method") VALUES (')
        + value(id, "text")
        + raw(", ")
        + value(proof.collection.id, "text")
        + raw(", ")
        + value(proof.account.id, "text")
        + raw(", ")
        + value(proof.method, "text")
        + raw(")")
    )
    with as_api_errors():
        await engine.pool.execute(Statement.of(sql))
    return id


async def complete_mfa(engine: Engine, proof: Proof, mfa_id: str) -> None:
    """Use the first factor up: it counts once, for the same record, within its time, and by another method.

    Raises BadRequest when it does not count.
    """
    mfa = auth_options(proof.collection.auth).mfa
    sql = raw('DELETE FROM public."_mfas" WHERE') + _waiting(proof, mfa_id, mfa.duration) + _other_method(proof)
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(sql + raw(' RETURNING "id"')))
        if row is not None:
            return
        # Only for the sentence: what can be said to somebody who has just shown to be the account.
        same = await engine.pool.fetchrow(
            Statement.of(raw('SELECT 1 FROM public."_mfas" WHERE') + _waiting(proof, mfa_id, mfa.duration))
        )
    if same is not None:
        raise BadRequest("The second factor has to be another way to log in than the first.")
    raise BadRequest("The first factor is not valid any more: begin the login anew.")


async def first_factor(engine: Engine, collection: Collection, mfa_id: str) -> str:
    """The id of the record whose first factor this is, for a second one that cannot tell by itself; empty if none."""
    mfa = auth_options(collection.auth).mfa
    sql = (
        raw('SELECT "recordRef" AS record_id FROM public."_mfas" WHERE "id" = ')
        + value(mfa_id, "text")
        + raw(' AND "collectionRef" = ')
        + value(collection.id, "text")
        + _in_time(mfa.duration)
    )
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(sql))
    return str(row["record_id"]) if row else ""


def _waiting(proof: Proof, mfa_id: str, seconds: int) -> Sql:
    return (
        raw(' "id" = ')
        + value(mfa_id, "text")
        + raw(' AND "collectionRef" = ')
        + value(proof.collection.id, "text")
        + raw(' AND "recordRef" = ')
        + value(proof.account.id, "text")
        + _in_time(seconds)
    )


def _other_method(proof: Proof) -> Sql:
    return raw(' AND "method" <> ') + value(proof.method, "text")


def _in_time(seconds: int) -> Sql:
    return raw(' AND "created" > now() - make_interval(secs => ') + value(seconds, "double precision") + raw(")")


_SWEEP: Final = Statement.of(
    raw('DELETE FROM public."_mfas" WHERE ctid = ANY (ARRAY(SELECT ctid FROM public."_mfas"')
    + raw(' WHERE "created" < now() - make_interval(secs => ')
    + value(MAX_SECONDS, "double precision")
    + raw(") LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def sweep_mfas(pool: Pool) -> int:
    """Forget first factors that can be of no use any more; how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
