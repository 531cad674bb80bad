"""What is wrong with the jobs and schedules of a plugin is said before any of them runs."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from holdfast.plugin import Context, Job, NoPayload, Schedule
from holdfast.plugins.work_soundness import wrong_work


class Sent(msgspec.Struct):
    to: str


class Odd(msgspec.Struct):
    what: Callable[[], None]


async def work(ctx: Context, _: Any) -> None: ...


async def tick(ctx: Context) -> None: ...


def not_async(ctx: Context, _: Any) -> None: ...


def job(**changes: Any) -> Job[Any]:
    given: dict[str, Any] = {"name": "send", "payload": Sent, "run": work, **changes}
    return Job(**given)


def schedule(**changes: Any) -> Schedule:
    given: dict[str, Any] = {"name": "nightly", "cron": "@daily", "run": tick, **changes}
    return Schedule(**given)


@pytest.mark.parametrize(
    ("jobs", "schedules", "reason"),
    [
        (["send"], [], "its jobs() hold str, where a Job is expected"),
        ([job(name="Send it")], [], "the name of a job has to be small letters"),
        ([job(name=3)], [], "the name of a job has to be small letters"),
        ([job(run=not_async)], [], "`run` of the job send has to be an `async def`"),
        ([job(run=tick)], [], "`run` of the job send has to take ctx and the payload"),
        ([job(payload=dict)], [], "the payload of the job send has to be a msgspec struct"),
        ([job(payload=Odd)], [], "the payload of the job send cannot be written as JSON"),
        ([job(priority="urgent")], [], "the priority of the job send has to be one of low, normal, high"),
        ([job(attempts=0)], [], "`attempts` of the job send has to be a number from 1 to 100"),
        ([job(attempts=1.5)], [], "`attempts` of the job send has to be a number from 1 to 100"),
        ([job(seconds=True)], [], "`seconds` of the job send has to be a number from 0.1 to 86400"),
        ([job(at_once=0)], [], "`at_once` of the job send has to be a number from 1 to 1000"),
        ([job(pause_seconds=-1)], [], "`pause_seconds` of the job send has to be a number from 0 to 86400"),
        ([job(), job(payload=NoPayload)], [], "it has two jobs or schedules called send"),
        ([job()], [schedule(name="send")], "it has two jobs or schedules called send"),
        ([], [job()], "its schedules() hold Job, where a Schedule is expected"),
        ([], [schedule(run=work)], "`run` of the schedule nightly has to take ctx"),
        ([], [schedule(cron="at night")], "the schedule nightly cannot be: 'at night' is no cron expression"),
        ([], [schedule(timezone="Mars")], "the schedule nightly cannot be: there is no time zone 'Mars'"),
        ([], [schedule(missed="twice")], "`missed` of the schedule nightly has to be once or skip"),
        ([], [schedule(seconds=0)], "`seconds` of the schedule nightly has to be a number from 0.1 to 86400"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_work_that_cannot_be_done_is_refused_with_the_reason(jobs: list[Any], schedules: list[Any], reason: str):
    assert wrong_work(jobs, schedules).startswith(reason)


def test_work_that_can_be_done_is_fine():
    assert wrong_work([job(), job(name="other", payload=NoPayload)], [schedule(), schedule(name="at", cron=str)]) == ""
