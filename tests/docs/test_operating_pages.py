"""The pages about processes and system migrations: what they list and the numbers they name are those of the code."""

import re
from pathlib import Path

from holdfast.background.heartbeat import BEAT_SECONDS, MOST_JOBS
from holdfast.background.worker_routes import WORKER_ROUTES
from holdfast.background.worker_service import DEAD_SECONDS, SHOWN_HOURS
from holdfast.jobs.job import LEASE_SECONDS
from holdfast.upgrades.routes import MIGRATION_ROUTES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def section(name: str, heading: str) -> str:
    return (REFERENCE / name).read_text("utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def keys(text: str) -> set[str]:
    """What the first cells of the tables name."""
    return {
        name for line in text.splitlines() if line[:3] == "| `" for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }


def test_every_key_of_a_process_is_on_the_page():
    (route,) = WORKER_ROUTES
    assert route.answer is not None
    assert keys(section("jobs.md", "Processes")) | {"id"} == set(
        route.answer["properties"]["items"]["items"]["properties"]
    )


def test_the_times_of_processes_are_those_of_the_code():
    words = " ".join(section("jobs.md", "Processes").split())
    assert f"no sign of life for {DEAD_SECONDS:g} seconds" in words
    assert f"every {BEAT_SECONDS:g} seconds" in words
    assert f"seen in the last {SHOWN_HOURS} hours" in words
    assert f"up to {MOST_JOBS} of them" in words
    assert f"within {LEASE_SECONDS:g} seconds of its death" in words


def test_every_state_of_a_migration_is_on_the_page():
    answer = MIGRATION_ROUTES[0].answer
    assert answer is not None
    found = answer["properties"]["items"]["items"]["properties"]
    assert keys(section("schema-changes.md", "System migrations")) == {"state", *found["state"]["enum"]}
    assert all(f'"{name}"' in section("schema-changes.md", "System migrations") for name in found)
