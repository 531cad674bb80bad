"""Fixtures for tests that need PostgreSQL: one cluster for a test run, that of the test kit, one database for a test.

The cluster is started by the first test that asks for it, so unit tests run without one.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from holdfast.testing.postgres import Cluster, drop_database, make_database, reach
from postgres_host import PROJECT, new_home

__all__ = [
    "Cluster",
    "anywhere",
    "cluster",
    "database",
    "drop_database",
    "empty_database",
    "make_database",
    "reach",
    "shared_database",
    "unclaimed_database",
]


@pytest.fixture(scope="session")
def cluster(holdfast_cluster: Cluster) -> Cluster:
    """PostgreSQL, shared by all workers of this test run."""
    return holdfast_cluster


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[str]:
    """The address of a fresh database with the system schema and a superuser."""
    dsn = await make_database(cluster, PROJECT)
    yield dsn
    await drop_database(cluster, dsn)


@pytest.fixture
async def unclaimed_database(database: str) -> str:
    """The address of a fresh database with the system schema and no superuser."""
    connection: Any = await asyncpg.connect(database)
    await connection.execute("DELETE FROM public._superusers")
    await connection.close()
    return database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_database(cluster: Cluster) -> AsyncIterator[str]:
    """The address of one such database, for all tests of a module that leave nothing behind."""
    dsn = await make_database(cluster, PROJECT)
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
    made = new_home()
    yield made
    shutil.rmtree(made, ignore_errors=True)
