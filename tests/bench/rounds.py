"""Rounds: server, bare handler and pgbench in turn, so that what disturbs the machine disturbs all three."""

import pickle
import signal
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from holdfast.config import Settings
from holdfast.db.session import session_settings
from tests.bench import pgbench
from tests.bench.bare import Bare
from tests.bench.load import Load, Result
from tests.bench.operations import Operation
from tests.bench.subject import Subject


class Plan(msgspec.Struct, frozen=True):
    """How long and how wide to measure."""

    rounds: int
    seconds: float
    connections: int
    posts: int


class Figures(msgspec.Struct, frozen=True):
    """What was measured of one operation. The ratios are medians of the rounds' own ratios."""

    name: str
    per_second: float
    p50: float
    p95: float
    p99: float
    of_bare: float
    of_pgbench: float
    bytes_each: int


def send(host: str, port: int, requests: list[bytes], plan: Plan) -> Result:
    """One run of the load generator, in a process of its own. Fails unless every answer is a 200."""
    load = Load(host, port, plan.connections, plan.seconds, requests)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"], input=msgspec.json.encode(load), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"the load generator failed: {done.stderr.decode()}")
    result = msgspec.json.decode(done.stdout, type=Result)
    if set(result.statuses) != {"200"}:
        raise SystemExit(f"not every answer was a 200: {result.statuses}")
    return result


def measure(it: Subject, operation: Operation, plan: Plan, settings: Settings, folder: Path) -> Figures:
    """All rounds of one operation."""
    results: list[Result] = []
    of_bare: list[float] = []
    of_pgbench: list[float] = []
    with bare(it, operation, settings) as (host, port):
        for _ in range(plan.rounds):
            mine = send(it.host, it.port, operation.requests(it.host, it.port), plan)
            other = send(host, port, operation.requests(host, port), plan)
            limit = pgbench.per_second(
                it.dsn,
                operation,
                plan.posts,
                folder,
                connections=settings.database_pool_size,
                seconds=plan.seconds,
            )
            results.append(mine)
            of_bare.append(mine.per_second / other.per_second)
            of_pgbench.append(mine.per_second / limit)
    middle = statistics.median
    return Figures(
        name=operation.name,
        per_second=middle(one.per_second for one in results),
        p50=middle(one.p50 for one in results),
        p95=middle(one.p95 for one in results),
        p99=middle(one.p99 for one in results),
        of_bare=middle(of_bare),
        of_pgbench=middle(of_pgbench),
        bytes_each=round(sum(one.bytes for one in results) / sum(one.count for one in results)),
    )


@contextmanager
def bare(it: Subject, operation: Operation, settings: Settings) -> Iterator[tuple[str, int]]:
    """The bare handler for one operation, for the block; its host and port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        told = Bare(settings, session_settings(settings), it.dsn, listener.fileno(), operation)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare"], stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
        )
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(told))
        process.stdin.close()
        host, port = listener.getsockname()
        try:
            _compare(it, host, port, operation)
            yield host, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _compare(it: Subject, host: str, port: int, operation: Operation) -> None:
    """See that the bare handler answers what the server answers. The socket holds the request until it has started."""
    answers: list[bytes] = []
    for url in (it.url, f"http://{host}:{port}"):
        answer = httpx.request(
            operation.method,
            url + operation.targets[0],
            content=operation.body or None,
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        answers.append(answer.raise_for_status().content)
    # What a write answers has times and ids of its own; what a read answers is the same to the byte.
    same = answers[0] == answers[1] if operation.method == "GET" else len(answers[0]) == len(answers[1])
    if not same:
        raise SystemExit(
            f"{operation.name}: the server answers {answers[0][:200]!r}, the bare handler {answers[1][:200]!r}"
        )
