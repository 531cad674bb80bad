"""One application that relays events, for the tests of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from archive import Archive
from client import running
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def archive(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Archive]:
    """The application, with a superuser, and no collections of its own yet."""
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("archive"), background=True) as api:
        yield Archive(api)
    await drop_database(cluster, dsn)
