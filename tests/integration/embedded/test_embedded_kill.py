"""Whatever is killed, nothing that was acknowledged is lost, with a control that must lose.

SIGKILL says nothing about a power failure: what the kernel has, it still has. That part is fsync's.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from embedded_process import Process, ask
from holdfast.db.embedded.leftovers import find

ROUNDS = 20
WRITERS = 4
DOWN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class Load:
    """Writers that insert one row after another, and remember which the server acknowledged."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.acknowledged: set[int] = set()
        self._next = 0
        self._stopped = False

    async def write(self) -> None:
        """Insert until stopped, over a new connection after each failure."""
        while not self._stopped:
            try:
                connection: Any = await asyncpg.connect(self.dsn, timeout=5)
            except DOWN:
                await asyncio.sleep(0.02)
                continue
            try:
                while not self._stopped:
                    self._next += 1
                    number = self._next
                    await connection.execute("INSERT INTO written VALUES ($1)", number)
                    self.acknowledged.add(number)
            except DOWN:
                pass
            finally:
                connection.terminate()

    async def more(self, count: int) -> None:
        """Wait until this many more are acknowledged."""
        goal = len(self.acknowledged) + count
        deadline = time.monotonic() + 30
        while len(self.acknowledged) < goal:
            assert time.monotonic() < deadline, "the database does not take writes again"
            await asyncio.sleep(0.005)

    def stop(self) -> None:
        """Let the writers end after the insert that they are in."""
        self._stopped = True


def kill_server(server: Process) -> Process:
    """Kill the server: its PostgreSQL shuts down, and the next server starts it."""
    server.kill()
    return Process(server.data)


def kill_postmaster(server: Process) -> Process:
    """Kill PostgreSQL: the server that lives starts it again."""
    os.kill(server.postmaster(), signal.SIGKILL)
    assert server.line() == "PostgreSQL has ended by itself: it is started again."
    assert server.line() == "PostgreSQL answers again."
    return server


def kill_both(server: Process) -> Process:
    """Kill both at once: the next server finds neither a clean shutdown nor a free data directory."""
    os.kill(server.postmaster(), signal.SIGKILL)
    return kill_server(server)


def kill_all_of_postgresql(server: Process) -> None:
    """Kill each of its processes, so that none can write what it still has in memory."""
    for pid in find(server.data / "pg").ours:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert server.line() == "PostgreSQL has ended by itself: it is started again."
    assert server.line() == "PostgreSQL answers again."


async def lost(dsn: str, acknowledged: set[int]) -> int:
    """How many acknowledged rows are not there."""
    connection: Any = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT number FROM written")
    await connection.close()
    return len(acknowledged - {row["number"] for row in rows})


async def test_nothing_acknowledged_is_lost_in_rounds_of_kill(data: Path):
    server = await asyncio.to_thread(Process, data)
    await ask(server.dsn, "CREATE TABLE written (number bigint PRIMARY KEY)")
    load = Load(server.dsn)
    writers = [asyncio.create_task(load.write()) for _ in range(WRITERS)]
    kills: list[Callable[[Process], Process]] = [kill_server, kill_postmaster, kill_both]
    slowest = 0.0
    try:
        for turn in range(ROUNDS):
            await load.more(random.randint(20, 200))
            began = time.monotonic()
            server = await asyncio.to_thread(kills[turn % len(kills)], server)
            await load.more(1)
            slowest = max(slowest, time.monotonic() - began)
        load.stop()
        await asyncio.gather(*writers)
        print(f"{ROUNDS} kills, {len(load.acknowledged)} acknowledged, slowest recovery {slowest:.1f} s")
        assert await lost(server.dsn, load.acknowledged) == 0
    finally:
        load.stop()
        await asyncio.gather(*writers, return_exceptions=True)
        await asyncio.to_thread(server.stop)


async def test_the_same_rounds_without_synchronous_commit_do_lose(data: Path):
    # The control: if this one lost nothing, the test above could not see a loss.
    settings = ("wal_writer_delay=10s", "wal_writer_flush_after=1GB")
    server = await asyncio.to_thread(Process, data, *settings)
    await ask(server.dsn, "CREATE TABLE written (number bigint PRIMARY KEY)")
    load = Load(f"{server.dsn}&synchronous_commit=off")
    writers = [asyncio.create_task(load.write()) for _ in range(WRITERS)]
    try:
        for _ in range(3):
            await load.more(500)
            await asyncio.to_thread(kill_all_of_postgresql, server)
            await load.more(1)
        load.stop()
        await asyncio.gather(*writers)
        assert await lost(server.dsn, load.acknowledged) > 0
    finally:
        load.stop()
        await asyncio.gather(*writers, return_exceptions=True)
        await asyncio.to_thread(server.stop)
