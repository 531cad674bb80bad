"""Fixtures for tests that need PostgreSQL: one cluster for a test run, one database for a test.

The cluster is started by the first test that asks for it, so unit tests run without one.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import msgspec
import pytest

from postgres_host import TEMPLATE, on_database

HOST = Path(__file__).with_name("postgres_host.py")
SERVER = Path(__file__).parents[1] / "server"


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
                environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(SERVER), *sys.path])}
                subprocess.run([sys.executable, HOST, path], env=environment, stdout=log, stderr=log, check=False)
            connection = reach(path)
        if connection is not None:
            with connection.makefile("rb") as answer:
                line = answer.readline()
            if line:
                return connection, Cluster(**json.loads(line))
            connection.close()  # it was just about to end
    raise RuntimeError(f"PostgreSQL for the tests does not start: {path.with_suffix('.log').read_text()}")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """PostgreSQL, shared by all workers of this test run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection, found = join(shared / "postgres.sock")
    yield found
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


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[str]:
    """The address of a fresh database with the system schema."""
    dsn = await make_database(cluster, TEMPLATE)
    yield dsn
    await drop_database(cluster, dsn)


@pytest.fixture
async def empty_database(cluster: Cluster) -> AsyncIterator[str]:
    """The address of a database with nothing in it."""
    dsn = await make_database(cluster, "template1")
    yield dsn
    await drop_database(cluster, dsn)


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A directory that every user of the system may enter, as those of `tmp_path` are not."""
    made = Path(tempfile.mkdtemp(prefix="hf-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)
