"""The page about the audit log: what it lists is what the code has."""

import re
from pathlib import Path
from typing import get_args

import pytest

from holdfast.audit import asked, entry, tally
from holdfast.audit.actions import ACTIONS
from holdfast.auth.noting import Reason
from holdfast.config import Settings
from holdfast.events.context import ActorKind

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "audit.md").read_text("utf-8")
WORDS = " ".join(PAGE.split())


def listed(heading: str) -> list[str]:
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.M)


def test_the_page_has_every_action_once() -> None:
    found = listed("Actions")
    assert (sorted(found), len(set(found))) == (sorted(ACTIONS), len(found))


def test_the_page_has_every_reason() -> None:
    assert sorted(listed("Why a login failed")) == sorted(get_args(Reason))


@pytest.mark.parametrize(
    "words",
    [
        f"How many on a page: {asked.LISTED}, at most {asked.MOST_LISTED}.",
        f"Each is at most {entry.MOST_BYTES // 1024} kB",
        f"in the [settings](settings.md): {Settings().audit_days} days",
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_code(words: str) -> None:
    assert words in WORDS


def test_what_is_counted_is_told_every_five_minutes() -> None:
    assert tally.WINDOW_SECONDS == 300
    assert "those of the next five minutes make one together" in WORDS


def test_every_kind_of_actor_is_named() -> None:
    kinds = {kind for part in get_args(ActorKind) for kind in (get_args(part) or (part,))} - {"plugin"}
    assert {kind for kind in kinds if f"`{kind}`" not in WORDS} == set()
