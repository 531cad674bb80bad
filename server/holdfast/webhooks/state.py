"""How webhooks are doing: how long what is due has waited, and which endpoints are off."""

from typing import Final

import msgspec

from holdfast.db.pool import Connection

LATE_SECONDS: Final = 60.0  # deliveries that are due for longer, to receivers that answer, are not just behind others

# One look into the index for each endpoint. Of those that fail, are turned off, want their events in order or at their
# own pace, deliveries wait because of the receiver.
_STATE: Final = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - first.next_at))
               FILTER (WHERE w.active AND w.disabled = '' AND NOT w.failing AND NOT w.ordered
                         AND w.rate_limit IS NULL), 0)::float8 AS waited,
           count(*) FILTER (WHERE w.failing AND w.active AND w.disabled = '')::integer AS failing,
           count(*) FILTER (WHERE w.disabled <> '')::integer AS disabled
      FROM (SELECT *, coalesce((circuit->>'opened')::float8, 0) > 0 AS failing FROM holdfast.webhooks) AS w
           LEFT JOIN LATERAL (SELECT d.next_at FROM holdfast.deliveries AS d WHERE d.webhook_id = w.id AND d.state = 0
                               ORDER BY d.next_at LIMIT 1) AS first ON true
"""


class WebhooksState(msgspec.Struct, frozen=True):
    """For how many seconds the oldest due delivery has waited, of endpoints that work (0 or less: none has); how many
    endpoints fail, and how many the server has turned off."""

    waited: float
    failing: int
    disabled: int

    @property
    def late(self) -> bool:
        """Whether deliveries pile up here: nobody sends them, or not fast enough."""
        return self.waited > LATE_SECONDS


async def webhooks_state(connection: Connection) -> WebhooksState:
    """The state now."""
    row = await connection.fetchrow(_STATE)
    return WebhooksState(0.0, 0, 0) if row is None else WebhooksState(row["waited"], row["failing"], row["disabled"])
