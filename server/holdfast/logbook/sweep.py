"""Old days of the kept log go as whole tables."""

from collections.abc import Callable

from holdfast.db.pool import Pool
from holdfast.logbook.days import drop_days


class SweepLogs:
    """Drops the days that are older than the operator wants them kept; says how many."""

    def __init__(self, days: Callable[[], int]) -> None:
        self._days = days

    async def __call__(self, pool: Pool) -> int:
        """Do it once."""
        async with pool.transaction() as tx:
            return await drop_days(tx.connection, self._days())
