"""What a job is, and what a sort of job is: a name and the function that does it, as data."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from holdfast.plugin_job import GiveUp, Priority, TryLater

if TYPE_CHECKING:  # a handler is given the engine, which lies in a layer above
    from holdfast.engine import Engine

__all__ = ["LEASE_SECONDS", "PRIORITIES", "Ended", "GiveUp", "Handler", "Job", "JobKind", "TryLater", "plugin_of"]

LEASE_SECONDS: Final = 15.0  # a job of a process that was killed is taken up again after this
PRIORITIES: Final[Mapping[Priority, int]] = {"low": -1, "normal": 0, "high": 1}
_OWN: Final = ("auth", "system")  # no plugin can be called so


def plugin_of(name: str) -> str:
    """Whose job it is that is called so: those of plugins are PLUGIN.NAME; empty for the server's own."""
    plugin, dot, _ = name.partition(".")
    return plugin if dot and plugin not in _OWN else ""


class Job(msgspec.Struct, frozen=True):
    """A job that was claimed. `attempt` counts from 1; `payload` is what `enqueue` was given, as JSON.

    `request` is the id of the request that promised it, or empty.
    """

    id: int
    name: str
    payload: bytes
    attempt: int
    request: str = ""


class Ended(msgspec.Struct, frozen=True):
    """A job that is done: it took `took` seconds, and is shown for `kept` seconds more; at 0 it is forgotten."""

    job: Job
    took: float = 0.0
    kept: float = 0.0


Handler: TypeAlias = Callable[["Engine", Job], Awaitable[None]]
"""Does one job. It can come twice, when a process ends between doing it and saying so: make it safe to repeat.

Raises GiveUp when trying again is no use, and TryLater to say when; whatever else it raises is tried again later.
"""


class JobKind(msgspec.Struct, frozen=True):
    """A sort of job, as data.

    An attempt may take `seconds`; there are `attempts` of them, the pauses between them begin with `pause_seconds` and
    grow. A process does `at_once` of them at a time, so that slow ones of one sort do not hold up another sort.
    `plugin` is whose it is, if it is no job of the server.
    """

    name: str
    run: Handler
    attempts: int = 10
    seconds: float = 60.0
    at_once: int = 16
    pause_seconds: float = 5.0
    kept_seconds: float = 0.0
    plugin: str = ""
