"""Where the outbox begins, so that looking for its rows costs the same however many were there before.

Rows that are taken out stay in the index until vacuum has cleared them away, which it cannot while somebody looks at an
old snapshot; a search from the beginning would walk over all of them each time.
"""

import time
from typing import Final

from holdfast.db.pool import Connection

EVERY_SECONDS: Final = 2.0

# An id is taken by a transaction that has its number already. So the ids are read first: whoever has taken one of them
# has a lower number than a transaction that begins afterwards. The end of a snapshot (xmax) would not do: it is the one
# after the newest transaction that has ended, and those that run may be beyond it.
_TOP: Final = "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM holdfast.outbox_id_seq"
_NEW_TRANSACTION: Final = "SELECT pg_current_xact_id()::text::bigint"
_OLDEST_TRANSACTION: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


class Floor:
    """No row will ever be seen in the outbox at `id` or below: all transactions that took such an id have ended.

    One that stays open keeps the floor where it is, and nothing else.
    """

    def __init__(self, *, every_seconds: float = EVERY_SECONDS) -> None:
        self.id = 0
        self._every_seconds = every_seconds
        self._looked = time.monotonic()
        self._mark: tuple[int, int] | None = None
        self._ended: int | None = None

    async def drained(self, connection: Connection) -> None:
        """Called whenever the outbox was found to hold no more than what was taken out of it."""
        if self._ended is not None:  # they had ended before the look that has just been done
            self.id, self._ended = self._ended, None
        now = time.monotonic()
        if now - self._looked < self._every_seconds:
            return
        self._looked = now
        if self._mark is None:
            top: int = await connection.fetchval(_TOP)
            if top < self.id:  # somebody has set the sequence back
                self.id = 0
            if top > self.id:
                self._mark = (top, await connection.fetchval(_NEW_TRANSACTION))
        elif await connection.fetchval(_OLDEST_TRANSACTION) >= self._mark[1]:
            self._ended, self._mark = self._mark[0], None
