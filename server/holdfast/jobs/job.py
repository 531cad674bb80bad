"""What a job is, and what a sort of job is: a name and the function that does it, as data."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

if TYPE_CHECKING:  # a handler is given the engine, which lies in a layer above
    from holdfast.engine import Engine

LEASE_SECONDS: Final = 15.0  # a job of a process that was killed is taken up again after this


class Job(msgspec.Struct, frozen=True):
    """A job that was claimed. `attempt` counts from 1; `payload` is what `enqueue` was given, as JSON."""

    id: int
    name: str
    payload: bytes
    attempt: int


Handler: TypeAlias = Callable[["Engine", Job], Awaitable[None]]
"""Does one job. It can come twice, when a process ends between doing it and saying so: make it safe to repeat.

Raises GiveUp when trying again is no use; whatever else it raises is tried again later.
"""


class JobKind(msgspec.Struct, frozen=True):
    """A sort of job, as data.

    An attempt may take `seconds`; there are `attempts` of them, the pauses between them grow. A process does
    `at_once` of them at a time, so that slow ones of one sort do not hold up another sort.
    """

    name: str
    run: Handler
    attempts: int = 10
    seconds: float = 60.0
    at_once: int = 16


class GiveUp(Exception):
    """Trying this job again is no use: it is dead at once. The text says why, and goes into the log."""
