"""The load generator: keep-alive connections that each send the next request when the last is answered.

Runs as a process of its own (`python -m tests.bench.load`), takes a `Load` as JSON on standard input and prints
a `Result`. On raw sockets, because a real HTTP client would cost more than the server that it measures.
"""

import asyncio
import itertools
import sys
import time
from typing import Any, Final

import msgspec
import uvloop

HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length: "
WARM_UP: Final = 0.3  # seconds that are not counted


class Load(msgspec.Struct, frozen=True):
    """What to send: raw HTTP requests, taken in turn, over `connections` for `seconds`."""

    host: str
    port: int
    connections: int
    seconds: float
    requests: list[bytes]
    warm_up: float = WARM_UP


class Result(msgspec.Struct, frozen=True):
    """What came back. Latencies in milliseconds; `statuses` counts the answers by status."""

    per_second: float
    p50: float
    p95: float
    p99: float
    count: int
    bytes: int
    statuses: dict[str, int]


class _Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, notes how long it took, sends again."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop has a class of its own
        self._send()

    def _send(self) -> None:
        if self._run.stopped:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(next(self._run.requests))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(HEAD_END)
        if head_end < 0:
            self._buffer = buffer
            return
        at = buffer.find(LENGTH, 0, head_end)
        # 204 and 304 have no length.
        body = int(buffer[at + len(LENGTH) : buffer.index(b"\r\n", at)]) if at >= 0 else 0
        if len(buffer) < head_end + 4 + body:
            self._buffer = buffer
            return
        self._buffer = b""
        self._run.answered(time.perf_counter() - self._sent, buffer[9:12], body)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._run.stopped:
            self._run.broken += 1


class _Run:
    def __init__(self, load: Load) -> None:
        self.requests = itertools.cycle(load.requests)
        self.stopped = False
        self.measuring = False
        self.broken = 0
        self.bytes = 0
        self.latencies: list[float] = []
        self.statuses: dict[str, int] = {}

    def answered(self, seconds: float, status: bytes, body: int) -> None:
        if not self.measuring:
            return
        self.latencies.append(seconds)
        self.bytes += body
        key = status.decode()
        self.statuses[key] = self.statuses.get(key, 0) + 1


async def run(load: Load) -> Result:
    """Send the load and say what came back. Raises ConnectionError when connections broke."""
    loop = asyncio.get_running_loop()
    state = _Run(load)
    for _ in range(load.connections):
        await loop.create_connection(lambda: _Connection(state), load.host, load.port)
    await asyncio.sleep(load.warm_up)
    state.measuring = True
    started = time.perf_counter()
    await asyncio.sleep(load.seconds)
    elapsed = time.perf_counter() - started
    state.stopped = True
    await asyncio.sleep(0.1)
    if state.broken:
        raise ConnectionError(f"{state.broken} connections were closed by the server")
    return summary(state, elapsed)


def summary(state: _Run, elapsed: float) -> Result:
    """The figures of a run."""
    ordered = sorted(state.latencies) or [0.0]

    def percentile(share: float) -> float:
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000

    count = len(state.latencies)
    return Result(
        per_second=count / elapsed,
        p50=percentile(0.50),
        p95=percentile(0.95),
        p99=percentile(0.99),
        count=count,
        bytes=state.bytes,
        statuses=state.statuses,
    )


def main() -> None:
    """Read the load, run it, print the result."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(run(load))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
