"""The queue of jobs, as a test looks at it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw

ALL: Final = Statement.of(
    raw("SELECT id, name, key, payload::text AS payload, run_at, attempts, coalesce(error, '') AS error,")
    + raw(" CASE WHEN dead IS NOT NULL THEN 'dead' WHEN attempts > 0 THEN 'failed' ELSE 'waiting' END AS state")
    + raw(" FROM holdfast.jobs UNION ALL SELECT id, name, key, payload::text, finished, attempts, '', 'done'")
    + raw(" FROM holdfast.jobs_done ORDER BY id")
)


class QueuedJob(msgspec.Struct, frozen=True):
    """A job that was promised. `name` is that of the queue: of a plugin's it is `PLUGIN.NAME`.

    `run_at` is when it is due, and of one that is done when it was; `attempts` are those that were begun.
    """

    name: str
    payload: Mapping[str, Any]
    key: str | None
    run_at: datetime
    state: Literal["waiting", "failed", "dead", "done"]
    attempts: int
    error: str


async def queued_jobs(pool: Pool) -> list[QueuedJob]:
    """All of them, the oldest first."""
    return [
        QueuedJob(
            name=row["name"],
            payload=msgspec.json.decode(row["payload"]),
            key=row["key"],
            run_at=row["run_at"],
            state=row["state"],
            attempts=row["attempts"],
            error=row["error"],
        )
        for row in await pool.fetch(ALL)
    ]
