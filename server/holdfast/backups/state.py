"""How old the last backup is, and whether that is what its schedule promises."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from holdfast.backups.schedule import ID
from holdfast.db.pool import Connection
from holdfast.expressions.moment import read_moment
from holdfast.jobs.cron import next_time

LATE: Final = timedelta(hours=1)  # after its time, a backup that is not there is late
_STATE: Final = """
    SELECT last.key, last.made, last.kind, schedule.next_run
      FROM (VALUES (1)) AS one
      LEFT JOIN (SELECT key, manifest ->> 'made' AS made, manifest ->> 'kind' AS kind
                   FROM holdfast.backups WHERE manifest IS NOT NULL AND NOT uploaded
                  ORDER BY manifest ->> 'made' DESC LIMIT 1) AS last ON true
      LEFT JOIN holdfast.schedules AS schedule ON schedule.id = $1
"""


class BackupsState(msgspec.Struct, frozen=True):
    """The last backup that was made here and is still known (`key` is empty if there is none), and of when it is.

    `scheduled`: there is a schedule; `late`: by that there should be a newer one.
    """

    key: str
    made: str
    kind: str
    scheduled: bool
    late: bool


async def backups_state(connection: Connection, cron: str) -> BackupsState:
    """The state now, as far as it was written down: nobody looks into a bucket for it."""
    row = await connection.fetchrow(_STATE, ID)
    made = None if row is None or row["made"] is None else read_moment(row["made"])
    waits = None if row is None else row["next_run"]
    if row is None or made is None:
        return BackupsState("", "", "", bool(cron), is_late(cron, None, waits, datetime.now(UTC)))
    return BackupsState(row["key"], row["made"], row["kind"], bool(cron), is_late(cron, made, waits, datetime.now(UTC)))


def is_late(cron: str, made: datetime | None, next_run: datetime | None, now: datetime) -> bool:
    """Whether a schedule has had a time since the last backup, and nothing came of it. Pure."""
    if not cron:
        return False
    expected = next_run if made is None else next_time(cron, "UTC", made)
    return expected is not None and expected + LATE < now
