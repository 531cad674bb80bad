"""How the queue of jobs is doing, in a few looks into its index however long it is."""

from collections.abc import Iterable
from typing import Final

import msgspec

from holdfast.db.pool import Connection

LATE_SECONDS: Final = 60.0  # a job that has waited for longer since it was due is not just behind others
MOST_COUNTED: Final = 1000  # dead jobs
MOST_WAITING: Final = 10_000  # jobs that are counted

# Which names there are is found by jumping from one to the next: PostgreSQL has no such scan of an index before 18.
STATE: Final = """
    WITH RECURSIVE names AS (
        (SELECT name FROM holdfast.jobs WHERE dead IS NULL ORDER BY name LIMIT 1)
        UNION ALL
        SELECT (SELECT j.name FROM holdfast.jobs AS j WHERE j.dead IS NULL AND j.name > names.name
                 ORDER BY j.name LIMIT 1)
          FROM names WHERE names.name IS NOT NULL
    )
    SELECT coalesce(max(extract(epoch FROM now() - (
               SELECT min(j.run_at) FROM holdfast.jobs AS j
                WHERE j.dead IS NULL AND j.name = names.name AND j.priority = level.priority))), 0)::float8 AS waited,
           (SELECT count(*) FROM (SELECT FROM holdfast.jobs WHERE dead IS NOT NULL LIMIT 1000) AS few)::integer AS dead,
           (SELECT count(*) FROM (SELECT FROM holdfast.jobs WHERE dead IS NULL LIMIT 10000) AS few)::integer AS waiting
      FROM names CROSS JOIN (VALUES (1::smallint), (0::smallint), (-1::smallint)) AS level (priority)
     WHERE $1::text[] IS NULL OR strpos(names.name, '.') = 0 OR names.name ~ '^(auth|system)[.]'
        OR names.name = ANY ($1)
"""


class JobsState(msgspec.Struct, frozen=True):
    """For how many seconds the oldest job that is due has waited (0 or less: none is), how many are dead, and how many
    wait: to be due, for their turn, or for their end."""

    waited: float
    dead: int
    waiting: int = 0

    @property
    def late(self) -> bool:
        """Whether jobs pile up: nobody does them, or not fast enough."""
        return self.waited > LATE_SECONDS


async def jobs_state(connection: Connection, of_plugins: Iterable[str] | None = None) -> JobsState:
    """The state now. `dead` counts up to MOST_COUNTED, `waiting` up to MOST_WAITING.

    Of the jobs of plugins only those count as late that `of_plugins` names: the others wait for a plugin that is off
    or gone. None: all do.
    """
    row = await connection.fetchrow(STATE, None if of_plugins is None else list(of_plugins))
    return JobsState(row["waited"], row["dead"], row["waiting"]) if row is not None else JobsState(0.0, 0)
