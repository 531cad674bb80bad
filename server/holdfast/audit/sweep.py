"""Old entries go; it is the only way in which any does."""

from typing import Final

from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw, value

SWEPT_AT_ONCE: Final = 10_000
# What the table's trigger asks for: it lets nothing go that is not as old as this.
_SAY: Final = Statement.of(raw("SELECT set_config('holdfast.audit_days', ") + named("days", "text") + raw(", true)"))
_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.audit WHERE id = ANY (ARRAY(SELECT a.id FROM holdfast.audit AS a")
    + raw(" WHERE a.at < now() - make_interval(days => ")
    + named("age", "integer")
    + raw(") ORDER BY a.at LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


class SweepAudit:
    """Deletes entries that are older than `days`, at most SWEPT_AT_ONCE at a time; says how many."""

    def __init__(self, days: int) -> None:
        self._days = days

    async def __call__(self, pool: Pool) -> int:
        """Do it once."""
        async with pool.transaction() as tx:
            await tx.execute(_SAY, Inputs(named={"days": str(self._days)}))
            done = await tx.execute(_SWEEP, Inputs(named={"age": self._days}))
        return int(done.rpartition(" ")[2])
