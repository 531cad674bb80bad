"""What accounts had to log in with, of collections that are gone for good: not even in the trash any more."""

from typing import Final

from holdfast.db.pool import Pool
from holdfast.db.sql import Sql, Statement, qualified, raw, value

SWEPT_AT_ONCE: Final = 10_000
OWNED: Final = ("_externalAuths", "_mfas", "_otps", "_authOrigins")
KEPT: Final = ("auth_mails", "sessions", "totps", "passkeys", "challenges", "blocks")


def _sweep(table: Sql, column: Sql) -> Statement:
    return Statement.of(
        raw("DELETE FROM ")
        + table
        + raw(" WHERE ctid = ANY (ARRAY(SELECT held.ctid FROM ")
        + table
        + raw(" AS held WHERE NOT EXISTS (SELECT FROM holdfast.collections AS living WHERE living.id = held.")
        + column
        + raw(") AND NOT EXISTS (SELECT FROM holdfast.trash AS dropped WHERE dropped.collection_id = held.")
        + column
        + raw(") LIMIT ")
        + value(SWEPT_AT_ONCE, "bigint")
        + raw("))")
    )


_SWEEPS: Final = (
    *(_sweep(qualified("public", table), raw('"collectionRef"')) for table in OWNED),
    *(_sweep(qualified("holdfast", table), raw("collection_id")) for table in KEPT),
)


async def sweep_left_behind(pool: Pool) -> int:
    """Forget what nobody can come back for; how many rows."""
    swept = 0
    for sweep in _SWEEPS:
        swept += int((await pool.execute(sweep)).rpartition(" ")[2])
    return swept
