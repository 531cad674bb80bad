"""One application with webhooks for the tests of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from holdfast.webhooks import deliverer
from hooks import Hooks, hooked
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "count", "type": "number"},
    {"name": "owner", "type": "text"},
    {"name": "secret", "type": "text", "hidden": True},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hooks(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hooks]:
    """An application with the collections posts and notes, whose webhooks are heeded soon after they are made."""
    dsn = await make_database(cluster, PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliverer, "READ_SECONDS", 0.02)
        patch.setattr(deliverer, "IDLE_SECONDS", 0.02)
        async with hooked(dsn, tmp_path_factory.mktemp("hooks")) as made:
            await made.api.define("posts", FIELDS)
            await made.api.define("notes", [{"name": "title", "type": "text"}])
            yield made
    await drop_database(cluster, dsn)
