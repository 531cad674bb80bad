"""What the tests of writing use: a server for each file, with empty tables for each test, or a fresh one."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT
from writing_server import Server, serve, writing

__all__ = ["writing"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server for all tests of a file, which define their collections once."""
    dsn = await make_database(cluster, PROJECT)
    async with serve(dsn, tmp_path_factory.mktemp("writing")) as running:
        yield running
    await drop_database(cluster, dsn)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def emptied(request: pytest.FixtureRequest) -> None:
    """Begin each test with empty tables, save for the superuser's."""
    if "server" in request.fixturenames:
        await request.getfixturevalue("server").empty()
