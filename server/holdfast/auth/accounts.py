"""What a superuser sees of accounts beside their records: how they log in, since when, and whether they may."""

from collections.abc import Sequence

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Row
from holdfast.db.sql import Sql, Statement, qualified, raw, value
from holdfast.engine import Engine
from holdfast.schema.collection import Collection


class Block(msgspec.Struct, frozen=True):
    """That an account is blocked."""

    since: str
    reason: str


class AccountState(msgspec.Struct, frozen=True, rename="camel"):
    """One account. `last_used` is when a session of it was refreshed last, empty without one."""

    id: str
    sessions: int
    last_used: str
    authenticator: bool
    passkeys: int
    providers: list[str]
    block: Block | None


async def account_states(engine: Engine, collection: Collection, ids: Sequence[str]) -> list[AccountState]:
    """Those of these accounts that are there, in one statement."""
    with as_api_errors():
        rows = await engine.pool.fetch(Statement.of(_select(collection, ids)))
    return [_read(row) for row in rows]


def _select(collection: Collection, ids: Sequence[str]) -> Sql:
    held = raw(" WHERE held.collection_id = ") + value(collection.id, "text") + raw(" AND held.record_id = account.id")
    return (
        raw("SELECT account.id, sessions.number AS sessions, coalesce(holdfast.stamp(sessions.used), '') AS used,")
        + raw(" EXISTS (SELECT FROM holdfast.totps AS held")
        + held
        + raw(" AND held.confirmed IS NOT NULL) AS authenticator, (SELECT count(*) FROM holdfast.passkeys AS held")
        + held
        + raw(
            ') AS passkeys, ARRAY(SELECT linked."provider" FROM public."_externalAuths" AS linked'
            ' WHERE linked."collectionRef" = '
        )
        + value(collection.id, "text")
        + raw(' AND linked."recordRef" = account.id ORDER BY 1) AS providers,')
        + raw(" holdfast.stamp(block.since) AS since, block.reason FROM ")
        + qualified("public", collection.name)
        + raw(" AS account LEFT JOIN holdfast.blocks AS block ON block.collection_id = ")
        + value(collection.id, "text")
        + raw(" AND block.record_id = account.id CROSS JOIN LATERAL (SELECT count(*) AS number, max(held.used) AS used")
        + raw(" FROM holdfast.sessions AS held")
        + held
        + raw(" AND held.expires > now()) AS sessions WHERE account.id = ANY (")
        + value(list(ids), "text[]")
        + raw(")")
    )


def _read(row: Row) -> AccountState:
    return AccountState(
        id=row["id"],
        sessions=row["sessions"],
        last_used=row["used"],
        authenticator=row["authenticator"],
        passkeys=row["passkeys"],
        providers=list(row["providers"]),
        block=Block(row["since"], row["reason"]) if row["since"] else None,
    )
