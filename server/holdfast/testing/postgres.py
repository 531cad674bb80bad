"""The PostgreSQL of a test run, which all its workers share, and databases in it that are made in milliseconds.

It is started by the first test that asks for it, so tests that need none run without.
"""

import asyncio
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.testing.postgres_host import on_database

HOST: Final = Path(__file__).with_name("postgres_host.py")
SOURCES: Final = Path(__file__).parents[2]


class Administration:
    """A connection as superuser, in an event loop and thread of its own: the loops of tests come and go."""

    def __init__(self, superuser: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = asyncio.run_coroutine_threadsafe(_connect(superuser), self._loop).result()
        self._one_at_a_time = asyncio.Lock()

    async def execute(self, statement: str) -> None:
        """Run a statement, from any loop."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._execute(statement), self._loop))

    async def _execute(self, statement: str) -> None:
        async with self._one_at_a_time:
            await self._connection.execute(statement)

    def close(self) -> None:
        """End the connection, the thread and the loop."""
        asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _connect(dsn: str) -> Any:
    return await asyncpg.connect(dsn)


class Cluster(msgspec.Struct, frozen=True):
    """The test run's PostgreSQL: as the server's role, as superuser, and a connection of that to make databases by."""

    dsn: str
    superuser: str
    administration: Administration


def reach(path: Path) -> socket.socket | None:
    """A connection to the host of the cluster, if there is one."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def join(path: Path) -> tuple[socket.socket, dict[str, str]]:
    """Connect to the host, after starting it if need be; its addresses. The cluster stays as long as the connection."""
    for _ in range(3):
        connection = reach(path)
        if connection is None:
            path.unlink(missing_ok=True)
            with path.with_suffix(".log").open("wb") as log:
                environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(SOURCES), *sys.path])}
                subprocess.run([sys.executable, "-P", HOST, path], env=environment, stdout=log, stderr=log, check=False)
            connection = reach(path)
        if connection is not None:
            with connection.makefile("rb") as answer:
                line = answer.readline()
            if line:
                return connection, json.loads(line)
            connection.close()  # it was just about to end
    raise RuntimeError(f"PostgreSQL for the tests does not start: {path.with_suffix('.log').read_text()}")


@contextmanager
def shared_cluster(shared: Path) -> Generator[Cluster]:
    """The cluster of the processes that share this directory, for the block."""
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection, found = join(shared / "postgres.sock")
    administration = Administration(found["superuser"])
    try:
        yield Cluster(**found, administration=administration)
    finally:
        administration.close()
        connection.close()


async def make_database(cluster: Cluster, template: str) -> str:
    """A new database of the server's role; its address."""
    name = f"test_{uuid.uuid4().hex}"
    # Of a template without changes the copy of its files costs less than that of its pages through the log.
    statement = f'CREATE DATABASE {name} OWNER holdfast TEMPLATE "{template}" STRATEGY file_copy'
    await cluster.administration.execute(statement)
    return on_database(cluster.dsn, name)


async def drop_database(cluster: Cluster, dsn: str) -> None:
    """Drop it, whoever is still connected."""
    name = dsn.partition("?")[0].rpartition("/")[2]
    await cluster.administration.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
