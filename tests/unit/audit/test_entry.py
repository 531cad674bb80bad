"""What is kept of a change: the keys that are not the same, without more than an entry may hold."""

from typing import Any

import msgspec
import pytest

from holdfast.audit.entry import MOST_BYTES, bounded, changed

TITLE = {"id": "f1", "name": "title"}
BODY = {"id": "f2", "name": "body"}
NOTHING: dict[str, Any] = {}
NONE: list[Any] = []
NAMED = {"id": "f1", "name": "headline"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1, "b": 3}, ({"b": 2}, {"b": 3}), id="one key"),
        pytest.param({"a": 1}, {"a": 1}, (NOTHING, NOTHING), id="nothing"),
        pytest.param({"a": 1}, {"a": 1, "b": None}, (NOTHING, NOTHING), id="a key that says nothing"),
        pytest.param({"a": 1}, {"b": 1}, ({"a": 1}, {"b": 1}), id="one comes and one goes"),
        pytest.param(
            {"fields": [TITLE, BODY]},
            {"fields": [NAMED, BODY]},
            ({"fields": [TITLE]}, {"fields": [NAMED]}),
            id="a field",
        ),
        pytest.param(
            {"fields": [TITLE]}, {"fields": NONE}, ({"fields": [TITLE]}, {"fields": NONE}), id="the last field"
        ),
        pytest.param({"at": 1}, {"at": 2}, (NOTHING, NOTHING), id="a key of no interest"),
    ],
)
def test_only_what_differs_is_told(before: dict[str, Any], after: dict[str, Any], told: tuple[Any, Any]) -> None:
    assert changed(before, after, apart=frozenset(("at",))) == told


def test_parts_up_to_the_limit_are_kept_whole() -> None:
    parts = {"text": "x" * (MOST_BYTES - len('{"text":""}'))}
    assert msgspec.json.decode(bounded(parts) or "") == parts


def test_of_larger_parts_the_keys_are_kept() -> None:
    parts = {"text": "x" * MOST_BYTES, "name": "posts"}
    assert msgspec.json.decode(bounded(parts) or "") == {
        "tooLarge": len(msgspec.json.encode(parts)),
        "keys": ["text", "name"],
    }


def test_many_long_keys_stay_within_the_limit() -> None:
    assert len(bounded({f"{at:06}" + "k" * 1000: at for at in range(1000)}) or "") < MOST_BYTES


def test_nothing_stays_nothing() -> None:
    assert bounded(None) is None
