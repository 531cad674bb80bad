"""The connections of Piccolo Admin: few, for reading alone, and none waits for long."""

import asyncio
from typing import Any, Final

import asyncpg

from holdfast.db.piccolo_conf import LentEngine

CONNECTIONS: Final = 2
TIMEOUT_MS: Final = 5_000  # of a statement: a list that is sorted by what has no index, a search in the middle of words
IDLE_SECONDS: Final = 60.0


class Reading(LentEngine):
    """An engine with a pool of its own, on which PostgreSQL refuses whatever would write."""

    def __init__(self, dsn: str) -> None:
        super().__init__(config={})
        self._dsn = dsn
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Be ready for statements. Connections are made when they are needed, and given up when they are not."""
        async with self._opening:
            if self.pool is None:
                self.pool = await _pool(self._dsn)

    async def close(self) -> None:
        """Close what is open."""
        pool, self.pool = self.pool, None
        if pool is not None:
            await pool.close()


async def _pool(dsn: str) -> Any:
    settings = {
        "application_name": "holdfast classic",
        "default_transaction_read_only": "on",
        "statement_timeout": str(TIMEOUT_MS),
        "search_path": "public",
    }
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=CONNECTIONS,
        max_inactive_connection_lifetime=IDLE_SECONDS,
        statement_cache_size=0,  # tables change under it
        server_settings=settings,
    )
