"""Rounds: server, bare handler and pgbench in turn, so that what disturbs the machine disturbs all three."""

import os
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
from tests.bench.load import WARM_UP, Load, Result
from tests.bench.operations import Operation
from tests.bench.subject import Subject


class Plan(msgspec.Struct, frozen=True):
    """How long and how wide to measure."""

    rounds: int
    seconds: float
    connections: int
    posts: int


class Listening(msgspec.Struct, frozen=True):
    """A process that answers on an address."""

    host: str
    port: int
    pid: int


class Figures(msgspec.Struct, frozen=True):
    """What was measured of one operation. The ratios are medians of the rounds' own ratios.

    `cpu` and `cpu_bare` are microseconds of processor time of the serving process for one request: they hardly move
    with what else the machine does.
    """

    name: str
    per_second: float
    p50: float
    p95: float
    p99: float
    of_bare: float
    of_pgbench: float
    bytes_each: int
    cpu: float
    cpu_bare: float


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
    cpu: list[float] = []
    cpu_bare: list[float] = []
    with bare(it, operation, settings) as other_one:
        for _ in range(plan.rounds):
            mine, used = timed(it, operation, plan)
            other, used_bare = timed(other_one, operation, plan)
            cpu.append(used)
            cpu_bare.append(used_bare)
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
        cpu=middle(cpu),
        cpu_bare=middle(cpu_bare),
    )


def timed(it: Subject | Listening, operation: Operation, plan: Plan) -> tuple[Result, float]:
    """One run, and what it cost the serving process for each request, in microseconds."""
    before = cpu_seconds(it.pid)
    result = send(it.host, it.port, operation.requests(it.host, it.port), plan)
    sent = result.count * (plan.seconds + WARM_UP) / plan.seconds
    return result, (cpu_seconds(it.pid) - before) / sent * 1e6


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used, in all its threads."""
    # After the name in brackets, which may hold spaces: user time is the 12th field, system time the 13th.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def bare(it: Subject, operation: Operation, settings: Settings) -> Iterator[Listening]:
    """The bare handler for one operation, for the block."""
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
            yield Listening(host, port, process.pid)
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
