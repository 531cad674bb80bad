"""The job that clears one thing away when an operator asks for it, beside the hour at which all is."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from holdfast.engine import Engine
from holdfast.jobs.job import GiveUp, Job, JobKind

if TYPE_CHECKING:  # lies beside this layer
    from holdfast.sweeps import Sweep

SWEEP: Final = "sweep"
SweepsOf: TypeAlias = "Callable[[Engine], Mapping[str, Sweep]]"
"""What a server clears away, by name."""
_DAY: Final = 86_400.0


class SweepWanted(msgspec.Struct, frozen=True):
    """Which sweep is wanted."""

    name: str


def sweep_job(sweeps_of: SweepsOf) -> JobKind:
    """The job, on a server that clears these things away."""

    async def run(engine: Engine, job: Job) -> None:
        wanted = msgspec.json.decode(job.payload, type=SweepWanted)
        sweep = sweeps_of(engine).get(wanted.name)
        if sweep is None:
            raise GiveUp(f"There is nothing called {wanted.name} to clear away.")
        while await sweep(engine.pool):
            pass

    return JobKind(name=SWEEP, run=run, attempts=3, seconds=3600.0, at_once=1, kept_seconds=_DAY)
