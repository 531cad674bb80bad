"""Which jobs a process is at, for whoever asks what it does."""

import time
from collections.abc import Iterator

import msgspec

from holdfast.jobs.job import Job


class JobNow(msgspec.Struct, frozen=True):
    """A job that is being done; `since` is in seconds since 1970."""

    id: int
    name: str
    since: float


class Doing:
    """The jobs that this process is at."""

    def __init__(self) -> None:
        self._jobs: dict[int, JobNow] = {}

    def __iter__(self) -> Iterator[JobNow]:
        return iter(list(self._jobs.values()))

    def begin(self, job: Job) -> None:
        """A job has begun."""
        self._jobs[job.id] = JobNow(job.id, job.name, time.time())

    def end(self, job: Job) -> None:
        """It is over, however it ended."""
        self._jobs.pop(job.id, None)
