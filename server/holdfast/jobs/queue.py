"""The queue as rows: how jobs are claimed, finished, put off and given up.

A claim is a lease in `run_at`, and the number of the attempt is its proof: who comes back late, after another has
claimed the job, changes nothing. No transaction is open while a job is done.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Sql, Statement, named, raw, value
from holdfast.db.totals import count_changed
from holdfast.jobs.job import LEASE_SECONDS, Ended, Job

MAX_ERROR_CHARS: Final = 2000
KEPT_DEAD: Final = "30 days"
SWEPT_AT_ONCE: Final = 10_000  # rows
TOTALS: Final = "jobs"
"""Under which name it is counted in all how attempts ended: done, failed, dead."""

_LEASE: Final = raw("now() + make_interval(secs => ") + value(LEASE_SECONDS, "double precision") + raw(")")
_HELD: Final = (
    raw(" FROM unnest(") + named("ids", "bigint[]") + raw(", ") + named("attempts", "integer[]")
    + raw(") AS held (id, attempts) WHERE j.id = held.id AND j.attempts = held.attempts AND j.dead IS NULL")
)  # fmt: skip


def _counted(change: Sql, outcome: str) -> Statement:
    """A change of jobs that counts what it has changed."""
    return Statement.of(raw("WITH changed AS (") + change + raw(" RETURNING j.name) ") + count_changed(TOTALS, outcome))


_DONE: Final = (
    raw("WITH changed AS (DELETE FROM holdfast.jobs AS j USING unnest(")
    + named("ids", "bigint[]")
    + raw(", ")
    + named("attempts", "integer[]")
    + raw(", ")
    + named("took", "double precision[]")
    + raw(", ")
    + named("kept", "double precision[]")
    + raw(") AS done (id, attempts, took, kept) WHERE j.id = done.id AND j.attempts = done.attempts AND j.id = ANY (")
    + named("ids", "bigint[]")
    + raw(")")
    + raw(" RETURNING j.id, j.name, j.key, j.payload, j.priority, j.attempts, j.request, j.created, j.started,")
    + raw(" done.took, done.kept), shown AS (INSERT INTO holdfast.jobs_done")
    + raw(" (id, name, key, payload, priority, attempts, request, created, started, finished, kept_until)")
    + raw(" SELECT id, name, key, payload, priority, attempts, request, created, coalesce(started, now()),")
    + raw(" coalesce(started, now()) + make_interval(secs => took), now() + make_interval(secs => kept)")
    + raw(" FROM changed WHERE kept > 0), counted AS (")
    + count_changed(TOTALS, "done")
    + raw(")")
)
# One look into the index for each name and priority: jobs of one sort that pile up cost the others nothing, and those
# that are due later cost those of a lower priority nothing. What is locked beyond `most` is free again at once.
_DUE: Final = (
    raw("SELECT ranked.id FROM (SELECT found.id, wanted.most, row_number() OVER (PARTITION BY wanted.name")
    + raw(" ORDER BY level.priority DESC, found.run_at, found.id) AS place FROM unnest(")
    + named("names", "text[]")
    + raw(", ")
    + named("most", "integer[]")
    + raw(") AS wanted (name, most)")
    + raw(" CROSS JOIN (VALUES (1::smallint), (0::smallint), (-1::smallint)) AS level (priority)")
    + raw(" CROSS JOIN LATERAL (SELECT id, run_at FROM holdfast.jobs AS w WHERE w.name = wanted.name")
    + raw(" AND w.priority = level.priority AND w.dead IS NULL AND w.run_at <= now() ORDER BY w.run_at, w.id")
    + raw(" LIMIT wanted.most FOR UPDATE SKIP LOCKED) AS found) AS ranked WHERE ranked.place <= ranked.most")
)
_TURN: Final = Statement.of(
    _DONE
    + raw(", due AS MATERIALIZED (")
    + _DUE
    + raw(") UPDATE holdfast.jobs AS j SET attempts = j.attempts + 1, started = now(), run_at = ")
    + _LEASE
    + raw(" WHERE j.id = ANY (ARRAY(SELECT due.id FROM due))")
    + raw(" RETURNING j.id, j.name, j.payload::text AS payload, j.attempts, j.request")
)
# A plan that was made while the queue was empty reads all of it, and is kept: when 20,000 jobs then came at once, nine
# tenths of the rate were gone. So there is none without the indexes, and rows are looked up by arrays of ids, since a
# join could begin with the whole queue all the same.
_BY_INDEX: Final = Statement.of(raw("SET LOCAL enable_seqscan = off"))
_RENEW: Final = Statement.of(
    raw("UPDATE holdfast.jobs AS j SET run_at = ") + _LEASE + _HELD + raw(" RETURNING j.id, j.attempts")
)
_RELEASE: Final = Statement.of(raw("UPDATE holdfast.jobs AS j SET run_at = now(), started = NULL") + _HELD)
_PUT_OFF: Final = _counted(
    raw("UPDATE holdfast.jobs AS j SET run_at = now() + make_interval(secs => ")
    + named("seconds", "double precision")
    + raw("), started = NULL, error = ")
    + named("error", "text")
    + _HELD,
    "failed",
)
_BURY: Final = _counted(
    raw("UPDATE holdfast.jobs AS j SET dead = now(), error = ") + named("error", "text") + _HELD, "dead"
)
_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.jobs WHERE id = ANY (ARRAY(SELECT id FROM holdfast.jobs WHERE dead < now() - ")
    + value(KEPT_DEAD, "text")
    + raw("::interval LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)
_SWEEP_DONE: Final = Statement.of(
    raw("DELETE FROM holdfast.jobs_done WHERE id = ANY (ARRAY(SELECT id FROM holdfast.jobs_done WHERE")
    + raw(" kept_until < now() LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def turn(pool: Pool, done: Iterable[Ended], wanted: Mapping[str, int]) -> list[Job]:
    """Put away the jobs that are done and claim due ones, in one statement: at most so many of each name."""
    ended = list(done)
    took, kept = [one.took for one in ended], [one.kept for one in ended]
    names, most = list(wanted), list(wanted.values())
    inputs = _held([one.job for one in ended], took=took, kept=kept, names=names, most=most)
    async with pool.transaction() as tx:
        await tx.execute(_BY_INDEX)
        rows = await tx.fetch(_TURN, inputs)
    return [Job(row["id"], row["name"], row["payload"].encode(), row["attempts"], row["request"]) for row in rows]


async def renew(pool: Pool, jobs: Iterable[Job]) -> set[int]:
    """Hold jobs that still run for another LEASE_SECONDS; the ids of those that are still held."""
    return {row["id"] for row in await pool.fetch(_RENEW, _held(jobs))}


async def release(pool: Pool, jobs: Iterable[Job]) -> None:
    """Let others have jobs that were claimed and are not done."""
    await pool.execute(_RELEASE, _held(jobs))


async def put_off(pool: Pool, job: Job, seconds: float, error: str) -> None:
    """Have a job tried again in so many seconds."""
    await pool.execute(_PUT_OFF, _held([job], seconds=seconds, error=_kept(error)))


async def bury(pool: Pool, job: Job, error: str) -> None:
    """Try a job no more. It is kept for KEPT_DEAD."""
    await pool.execute(_BURY, _held([job], error=_kept(error)))


async def sweep_dead_jobs(pool: Pool) -> int:
    """Delete what has been dead for KEPT_DEAD, at most SWEPT_AT_ONCE; the number of those that are gone."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])


async def sweep_done_jobs(pool: Pool) -> int:
    """Delete what was kept for long enough after it was done, at most SWEPT_AT_ONCE; how many that were."""
    return int((await pool.execute(_SWEEP_DONE)).rpartition(" ")[2])


def _held(jobs: Iterable[Job], **more: object) -> Inputs:
    held = list(jobs)
    return Inputs(named={"ids": [job.id for job in held], "attempts": [job.attempt for job in held], **more})


def _kept(error: str) -> str:
    """An error as a column can hold it."""
    return error.replace("\0", " ").encode("utf-8", "replace").decode()[:MAX_ERROR_CHARS]
