"""What the tests of the log share."""

from collections.abc import AsyncIterator

import pytest

from event_log import Log, make_notes, opened


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    """A log with a captured table, `notes`, and nobody who relays."""
    async with opened(database) as one:
        await make_notes(one.connection)
        yield one
