"""The PostgreSQL of a test run, which all its workers share, and databases in it that are made in milliseconds.

It is started by the first test that asks for it, so tests that need none run without.
"""

import fcntl
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import asyncpg
import msgspec

from holdfast.testing.postgres_host import on_database

HOST: Final = Path(__file__).with_name("postgres_host.py")
SOURCES: Final = Path(__file__).parents[2]


class Cluster(msgspec.Struct, frozen=True):
    """The test run's PostgreSQL: as the server's role, and as superuser."""

    dsn: str
    superuser: str


def reach(path: Path) -> socket.socket | None:
    """A connection to the host of the cluster, if there is one."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def join(path: Path) -> tuple[socket.socket, Cluster]:
    """Connect to the host, after starting it if need be. The cluster stays as long as the connection."""
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
                return connection, Cluster(**json.loads(line))
            connection.close()  # it was just about to end
    raise RuntimeError(f"PostgreSQL for the tests does not start: {path.with_suffix('.log').read_text()}")


@contextmanager
def shared_cluster(shared: Path) -> Generator[Cluster]:
    """The cluster of the processes that share this directory, for the block."""
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection, found = join(shared / "postgres.sock")
    try:
        yield found
    finally:
        connection.close()


async def make_database(cluster: Cluster, template: str) -> str:
    """A new database of the server's role; its address."""
    name = f"test_{uuid.uuid4().hex}"
    connection = cast(Any, await asyncpg.connect(cluster.superuser))
    await connection.execute(f'CREATE DATABASE {name} OWNER holdfast TEMPLATE "{template}"')
    await connection.close()
    return on_database(cluster.dsn, name)


async def drop_database(cluster: Cluster, dsn: str) -> None:
    """Drop it, whoever is still connected."""
    name = dsn.partition("?")[0].rpartition("/")[2]
    connection = cast(Any, await asyncpg.connect(cluster.superuser))
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.close()
