"""How the log is doing: what waits for its number, and for how long."""

from typing import Final

import msgspec

from holdfast.db.pool import Connection

LATE_SECONDS: Final = 10.0  # events that have waited for longer are not just behind others
MOST_COUNTED: Final = 10_000  # rows of the outbox

_STATE: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM holdfast.outbox LIMIT 10000) AS few)::integer AS waiting,
           coalesce(extract(epoch FROM clock_timestamp() - first.at), 0)::float8 AS lag, seq, oldest, epoch
      FROM holdfast.stream LEFT JOIN (SELECT at FROM holdfast.outbox ORDER BY id LIMIT 1) AS first ON true
"""


class EventsState(msgspec.Struct, frozen=True):
    """Events that wait for their number (up to MOST_COUNTED), for how many seconds the first of them has, and the
    newest number, the oldest that is kept, and the epoch of the log."""

    waiting: int
    lag: float
    newest: int
    oldest: int
    epoch: str

    @property
    def late(self) -> bool:
        """Whether events pile up: nobody relays them, or not fast enough."""
        return self.lag > LATE_SECONDS


async def events_state(connection: Connection) -> EventsState:
    """The state now, in a few looks into an index."""
    row = await connection.fetchrow(_STATE)
    if row is None:
        raise RuntimeError("holdfast.stream has no row: the system schema is damaged")
    return EventsState(row["waiting"], max(0.0, row["lag"]), row["seq"], row["oldest"], row["epoch"])
