"""What one process of a server says of itself, as it goes to the process that was asked."""

import zlib
from typing import Final

import msgspec

from holdfast.metrics.process import ProcessState
from holdfast.metrics.requests import RequestCount

_COMPRESSION: Final = 1  # a tenth of the size for a few hundred microseconds


class PoolState(msgspec.Struct, frozen=True):
    """The database connections of a process: the most that there may be, those that are open, those that are lent, and
    how many requests wait for one."""

    size: int
    open: int
    in_use: int
    waiting: int


class CacheUse(msgspec.Struct, frozen=True):
    """How often something was looked for in a cache and was there, or was not."""

    name: str
    hits: int
    misses: int


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says. `started` is in seconds since 1970; `connections`, `topics` and `messages` are those of
    realtime."""

    worker: int
    started: float
    requests: tuple[RequestCount, ...]
    pool: PoolState
    caches: tuple[CacheUse, ...]
    connections: int
    topics: int
    process: ProcessState
    messages: int = 0


def packed(report: WorkerReport) -> bytes:
    """A report as it is sent: it goes by NOTIFY, which takes little at once."""
    return zlib.compress(msgspec.json.encode(report), _COMPRESSION)


def unpacked(content: bytes) -> WorkerReport:
    """A report as it came."""
    return msgspec.json.decode(zlib.decompress(content), type=WorkerReport)
