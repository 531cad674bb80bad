"""Jobs and schedules as a plugin declares them: work that any process does after a commit, or at certain times."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:  # it has a word for what it enqueues
    from holdfast.plugin import Context

Payload = TypeVar("Payload", bound=msgspec.Struct)
Priority: TypeAlias = Literal["low", "normal", "high"]
"""Of jobs of one name that are due, those of a higher priority start first."""


class NoPayload(msgspec.Struct, frozen=True):
    """The payload of a job that needs none."""


class Job(msgspec.Struct, Generic[Payload], frozen=True):
    """A sort of job of a plugin: `Job("greet", Greeting, self.greet)`.

    `run` is called with a context, which has no transaction, and with the payload that was given to `ctx.enqueue`. It
    may be called twice for one job, when a process dies: make it safe to repeat. What it raises has it tried again,
    `attempts` times in all, after `pause_seconds`, three times that, nine times … up to an hour; then the job is dead,
    and kept for 30 days so that an operator can look at it and retry it. An attempt may take `seconds`.

    A process does `at_once` jobs of the name at the same time. One that is done is shown in `/api/jobs` for
    `kept_seconds`.
    """

    name: str
    """Small letters, digits and underscores; no other job or schedule of the plugin has it."""
    payload: type[Payload]
    run: Callable[["Context", Payload], Coroutine[Any, Any, None]]
    attempts: int = 10
    seconds: float = 60.0
    pause_seconds: float = 5.0
    at_once: int = 16
    priority: Priority = "normal"
    kept_seconds: float = 86_400.0


class Schedule(msgspec.Struct, frozen=True):
    """What a plugin does at certain times: `Schedule("nightly", "30 3 * * *", self.tidy)`.

    `cron` has the five fields of cron (minute, hour, day, month, day of the week), or is `@hourly`, `@daily`,
    `@weekly`, `@monthly` or `@yearly`, or is a function that gives one for the plugin's settings: `lambda settings:
    settings.when`. It is read in `timezone`. Each time, one process of all runs it, as a job
    without a payload: tried again as those are, at most `attempts` times, for `seconds` each. A time that comes before
    the last run is over is left out. What was missed while no process was up is done once as soon as one is, or never
    with `missed="skip"`.
    """

    name: str
    """As that of a job. The id in `/api/crons` is `PLUGIN.NAME`."""
    cron: str | Callable[[Any], str]
    run: Callable[["Context"], Coroutine[Any, Any, None]]
    timezone: str = "UTC"
    attempts: int = 3
    seconds: float = 600.0
    missed: Literal["once", "skip"] = "once"


class JobRun(msgspec.Struct, frozen=True):
    """The job that runs: `attempt` counts from 1 to `attempts`, after which it is dead."""

    id: str
    name: str
    attempt: int
    attempts: int


class GiveUp(Exception):
    """Raised by a job: trying it again is no use, it is dead at once. The text says why, and goes into the log."""


class TryLater(Exception):
    """Raised by a job: it cannot be done now, and is tried again in so many seconds. It counts as an attempt."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or "It asked to be tried again later.")
        self.seconds = seconds
