"""An application with webhooks of its own for each test, that is quick to notice what happens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.webhooks import circuit, deliverer, schedule
from hooks import Hooks, hooked


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Seconds become hundredths: of waits, of the circuit, and until a change is noticed."""
    quick = {"READ": 0.05, "IDLE": 0.02, "REAP": 0.1, "ELECTION": 0.1, "STOP": 0.5}
    for constant, seconds in quick.items():
        monkeypatch.setattr(deliverer, f"{constant}_SECONDS", seconds)
    monkeypatch.setattr(circuit, "FAILING_SECONDS", 0.3)
    monkeypatch.setattr(circuit, "PROBE_SECONDS", (0.3, 0.6))
    waits(monkeypatch, 0.0, *[0.05] * 9)
    return monkeypatch


def waits(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let a delivery be tried so many times, with these waits before."""
    monkeypatch.setattr(schedule, "WAITS", seconds)
    monkeypatch.setattr(schedule, "TRIES", len(seconds))


@pytest.fixture
async def hooks(quick: pytest.MonkeyPatch, database: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    """The application, with the collection posts."""
    async with hooked(database, tmp_path) as made:
        await made.api.define("posts", [{"name": "title", "type": "text"}])
        yield made
