"""How many connections to PostgreSQL a server opens."""

from typing import Final

from holdfast.config import Settings

BESIDE_POOL: Final = 5  # of each process: LISTEN for the catalog, realtime and events; two of the log
OF_ONE: Final = 3  # of one process for all: the relay of events, deliveries, and a sweep, an import or a backup


def needed_connections(settings: Settings) -> int:
    """The most that all processes of a server have open together."""
    return settings.workers * (settings.database_pool_size + BESIDE_POOL) + OF_ONE
