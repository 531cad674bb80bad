"""The jobs and schedules of a plugin as a worker does them, and as they are written into the queue."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import structlog

from holdfast.engine import Engine
from holdfast.hooks.calling import call_job
from holdfast.hooks.origin import Origin
from holdfast.hooks.table import Called, MakeContext
from holdfast.identity import Principal
from holdfast.jobs.cron import Recurring, next_time
from holdfast.jobs.enqueue import enqueue
from holdfast.jobs.job import PRIORITIES, GiveUp, JobKind
from holdfast.jobs.job import Job as Claimed
from holdfast.plugin import Context, Job, JobRun, NoPayload, Priority, Schedule

MOST_BYTES: Final = 1 << 20  # of a payload
MOST_KEY_CHARS: Final = 200
GRACE_SECONDS: Final = 1.0  # for the plugin's own time limit, which names it, to come before the queue's
_encode: Final = msgspec.json.encode
_log: Final = structlog.get_logger("holdfast.plugins")


def full_name(plugin: str, name: str) -> str:
    """What a job or a schedule of a plugin is called in the queue, and an operator calls it."""
    return f"{plugin}.{name}"


def as_job(schedule: Schedule) -> Job[NoPayload]:
    """The job that is made for each time of a schedule."""

    async def run(ctx: Context, _: NoPayload) -> None:
        await schedule.run(ctx)

    return Job(schedule.name, NoPayload, run, attempts=schedule.attempts, seconds=schedule.seconds, at_once=1)


def kind_of(plugin: str, job: Job[Any], make_context: MakeContext) -> JobKind:
    """A job as a worker does it."""
    decode = msgspec.json.Decoder(job.payload).decode
    called = Called(plugin, f"the job {job.name}", job.run, make_context, seconds=job.seconds)
    who = Principal("plugin", name=plugin)
    name = full_name(plugin, job.name)

    async def run(_: Engine, claimed: Claimed) -> None:
        try:
            payload = decode(claimed.payload)
        except (msgspec.DecodeError, ValueError, TypeError) as failure:
            raise GiveUp(f"Its payload does not fit the plugin any more: {failure}") from failure
        this = JobRun(str(claimed.id), job.name, claimed.attempt, job.attempts)
        await call_job(called, Origin(who=who, request_id=claimed.request, job=this), payload)

    return JobKind(
        name=name,
        run=run,
        attempts=job.attempts,
        seconds=job.seconds + GRACE_SECONDS,
        at_once=job.at_once,
        pause_seconds=job.pause_seconds,
        kept_seconds=job.kept_seconds,
        plugin=plugin,
    )


def recurring_of(plugin: str, schedule: Schedule, settings: msgspec.Struct) -> Recurring | None:
    """A schedule with these settings; None, which is logged, where they give it no time that can be."""
    name = full_name(plugin, schedule.name)
    try:
        cron = schedule.cron if isinstance(schedule.cron, str) else schedule.cron(settings)
        next_time(cron, schedule.timezone, datetime.now(UTC))
    except Exception as failure:  # whatever the plugin's function raises
        _log.error("a schedule does not run: it cannot be", plugin=plugin, schedule=name, reason=str(failure))
        return None
    return Recurring(name, plugin, cron, schedule.timezone, catches_up=schedule.missed == "once")


async def enqueue_of(
    engine: Engine,
    plugin: str,
    origin: Origin,
    name: str,
    payload: msgspec.Struct | None,
    *,
    key: str | None,
    at: datetime | timedelta | None,
    priority: Priority | None,
) -> str:
    """Promise a job of a plugin; see holdfast.plugin.Context."""
    job = _declared(engine.host.jobs, plugin, name)
    given = NoPayload() if payload is None else payload
    if not isinstance(given, job.payload):
        raise TypeError(f"the job {name} takes {job.payload.__name__}, not {type(given).__name__}")
    text = msgspec.Raw(_encode(given))
    if len(text) > MOST_BYTES:
        raise ValueError(f"the payload of a job has at most {MOST_BYTES} bytes; keep more in a record")
    if key is not None and not 0 < len(key) <= MOST_KEY_CHARS:
        raise ValueError(f"the key of a job has from 1 to {MOST_KEY_CHARS} characters")
    level = job.priority if priority is None else priority
    if level not in PRIORITIES:
        raise ValueError(f"there is no priority {level!r}, but {', '.join(PRIORITIES)}")
    if isinstance(at, datetime) and at.tzinfo is None:
        raise ValueError("the time of a job needs a zone: datetime.now(UTC), say")
    id = await enqueue(
        origin.tx or engine.pool,
        full_name(plugin, job.name),
        text,
        key=key,
        run_at=at if isinstance(at, datetime) else None,
        seconds=max(at.total_seconds(), 0.0) if isinstance(at, timedelta) else 0.0,
        priority=PRIORITIES[level],
        request=origin.request_id,
    )
    return str(id)


def _declared(jobs: Mapping[str, Job[Any]], plugin: str, name: str) -> Job[Any]:
    job = jobs.get(full_name(plugin, name))
    if job is None:
        prefix = full_name(plugin, "")
        known = sorted(one.removeprefix(prefix) for one in jobs if one.startswith(prefix))
        raise ValueError(f"the plugin has no job {name!r}, but {', '.join(known) or 'none at all'}")
    return job
