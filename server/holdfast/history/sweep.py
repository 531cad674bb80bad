"""Versions go when they have been kept for as long as their collection says, and with their collection."""

from typing import Final

from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw, value
from holdfast.events.months import drop_months

SWEPT_AT_ONCE: Final = 10_000
# What lies in the trash can come back, and its versions with it.
_THERE: Final = raw(
    "(SELECT c.id, coalesce((c.definition ->> 'historyDays')::integer, 0) AS days FROM holdfast.collections AS c"
) + raw(" UNION ALL SELECT t.collection_id, 0 FROM holdfast.trash AS t WHERE t.kind = 'collection')")
# For how many days the longest history is kept; null where one is kept for ever.
_LONGEST: Final = Statement.of(
    raw("SELECT CASE WHEN bool_and(there.days > 0) THEN max(there.days) END AS days FROM ")
    + _THERE
    + raw(" AS there WHERE EXISTS (SELECT FROM holdfast.history_shapes AS shape WHERE shape.collection_id = there.id)")
)
_SWEEP: Final = Statement.of(
    raw("WITH due AS (SELECT h.id, h.relayed FROM holdfast.history AS h LEFT JOIN ")
    + _THERE
    + raw(" AS there ON there.id = h.collection_id WHERE there.id IS NULL")
    + raw(" OR (there.days > 0 AND h.at < now() - make_interval(days => there.days)) LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw(") DELETE FROM holdfast.history AS h USING due WHERE h.id = due.id AND h.relayed = due.relayed")
)
_FORGET: Final = Statement.of(
    raw("DELETE FROM holdfast.history_shapes AS shape WHERE NOT EXISTS (SELECT FROM ")
    + _THERE
    + raw(" AS there WHERE there.id = shape.collection_id)")
)


async def sweep_history(pool: Pool) -> int:
    """Drop months that nothing is kept of, and delete at most SWEPT_AT_ONCE versions; says how much that was."""
    async with pool.transaction() as tx:
        row = await tx.fetchrow(_LONGEST)
        dropped = await drop_months(tx.connection, days=None if row is None else row["days"])
    async with pool.transaction() as tx:
        deleted = int((await tx.execute(_SWEEP)).rpartition(" ")[2])
        await tx.execute(_FORGET)
    return dropped + deleted
