"""What is wrong with the jobs and schedules of a plugin, before any of them runs. Pure."""

import inspect
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast, get_args

import msgspec

from holdfast.jobs.cron import next_time
from holdfast.plugin import Job, Priority, Schedule
from holdfast.plugins.soundness import NAME

_DAY: Final = 86_400.0
_BOUNDS: Final[tuple[tuple[str, float, float], ...]] = (
    ("attempts", 1, 100),
    ("seconds", 0.1, _DAY),
    ("pause_seconds", 0.0, _DAY),
    ("at_once", 1, 1000),
    ("kept_seconds", 0.0, 365 * _DAY),
)
_WHOLE: Final = ("attempts", "at_once")


def wrong_work(jobs: Sequence[Any], schedules: Sequence[Any]) -> str:
    """What is wrong, as the end of a sentence; empty if nothing."""
    for found in (*map(_wrong_job, jobs), *map(_wrong_schedule, schedules)):
        if found:
            return found
    return _twice(one.name for one in (*jobs, *schedules))


def _twice(names: Iterable[str]) -> str:
    seen = set[str]()
    for name in names:
        if name in seen:
            return f"it has two jobs or schedules called {name}"
        seen.add(name)
    return ""


def _wrong_job(given: Any) -> str:
    if not isinstance(given, Job):
        return f"its jobs() hold {type(given).__name__}, where a Job is expected"
    job = cast("Job[Any]", given)
    found = _wrong_name(job.name, "job") or _wrong_run(job.run, f"the job {job.name}", 2)
    if found:
        return found
    payload: Any = job.payload
    if not (isinstance(payload, type) and issubclass(payload, msgspec.Struct)):
        return f"the payload of the job {job.name} has to be a msgspec struct"
    try:
        msgspec.json.schema(payload)
    except TypeError as failure:
        return f"the payload of the job {job.name} cannot be written as JSON: {failure}"
    if job.priority not in get_args(Priority):
        return f"the priority of the job {job.name} has to be one of {', '.join(get_args(Priority))}"
    return _out_of_bounds(job, f"the job {job.name}")


def _wrong_schedule(schedule: Any) -> str:
    if not isinstance(schedule, Schedule):
        return f"its schedules() hold {type(schedule).__name__}, where a Schedule is expected"
    what = f"the schedule {schedule.name}"
    found = _wrong_name(schedule.name, "schedule") or _wrong_run(schedule.run, what, 1)
    if found:
        return found
    if schedule.missed not in ("once", "skip"):
        return f"`missed` of {what} has to be once or skip"
    if not callable(schedule.cron):
        try:
            next_time(schedule.cron, schedule.timezone, datetime.now(UTC))
        except ValueError as failure:
            return f"{what} cannot be: {failure}"
    return _out_of_bounds(schedule, what)


def _wrong_name(name: object, sort: str) -> str:
    if isinstance(name, str) and NAME.fullmatch(name):
        return ""
    return f"the name of a {sort} has to be small letters, digits and underscores, a letter first, at most 40"


def _wrong_run(run: Any, what: str, count: int) -> str:
    if not inspect.iscoroutinefunction(run):
        return f"`run` of {what} has to be an `async def`"
    try:
        inspect.signature(run).bind(*range(count))
    except TypeError:
        return f"`run` of {what} has to take {'ctx and the payload' if count == 2 else 'ctx'}"
    return ""


def _out_of_bounds(given: Any, what: str) -> str:
    for name, least, most in _BOUNDS:
        number: Any = getattr(given, name, least)
        kind = int if name in _WHOLE else (int, float)
        if isinstance(number, bool) or not isinstance(number, kind) or not least <= number <= most:
            return f"`{name}` of {what} has to be a number from {least:g} to {most:g}"
    return ""
