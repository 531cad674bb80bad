"""Fixtures for tests of filters over PostgreSQL."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from integration.filters.shelf import Shelf
from unit.expressions.library import LIBRARY


@pytest.fixture
async def shelf(database: str) -> AsyncIterator[Shelf]:
    """The library's tables, empty."""
    connection = await asyncpg.connect(database)
    shelf = Shelf(connection, LIBRARY)
    await shelf.make()
    yield shelf
    await connection.close()
