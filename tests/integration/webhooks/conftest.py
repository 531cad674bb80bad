"""An application with webhooks of its own for each test, that is quick to notice what happens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from holdfast.webhooks import circuit, deliverer, schedule
from hooks import Hooks, hooked
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Seconds become hundredths: of waits, of the circuit, and until a change is noticed."""
    hurry(monkeypatch)
    return monkeypatch


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for as long as the patch lasts."""
    quick = {"READ": 0.05, "IDLE": 0.02, "REAP": 0.1, "ELECTION": 0.1, "STOP": 0.5}
    for constant, seconds in quick.items():
        monkeypatch.setattr(deliverer, f"{constant}_SECONDS", seconds)
    monkeypatch.setattr(circuit, "FAILING_SECONDS", 0.3)
    monkeypatch.setattr(circuit, "PROBE_SECONDS", (0.3, 0.6))
    monkeypatch.setattr(schedule, "WAITS", (0.0, *[0.05] * 9))


@pytest.fixture
async def hooks(quick: pytest.MonkeyPatch, database: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    """The application, with the collection posts."""
    async with hooked(database, tmp_path) as made:
        await made.api.define("posts", [{"name": "title", "type": "text"}])
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_hooks(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hooks]:
    """One such application for the tests of a module that delete their webhooks."""
    dsn = await make_database(cluster, PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        async with hooked(dsn, tmp_path_factory.mktemp("hooks")) as made:
            await made.api.define("posts", [{"name": "title", "type": "text"}])
            yield made
    await drop_database(cluster, dsn)
