"""Which events an endpoint asks for."""

from typing import Any

import pytest

from holdfast.webhooks.event_types import matches, wrong_pattern

COLLECTIONS = ("posts", "line_items", "Grüße")
OTHERS = ("auth.login", "auth.password_changed", "system.webhook_disabled", "orders.paid")


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "posts.*",
        "posts.created",
        "line_items.deleted",
        "Grüße.updated",
        "auth.*",
        "auth.login",
        "orders.*",
        "orders.paid",
    ],
)
def test_these_can_happen(pattern: str):
    assert wrong_pattern(pattern, COLLECTIONS, OTHERS) is None


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        pytest.param(
            "comments.*", "no collection that has events is called comments", id="a collection that is not there"
        ),
        pytest.param("posts.liked", "does not happen", id="a change that does not happen"),
        pytest.param("auth.nothing", "There is nothing that", id="an event that does not happen"),
        pytest.param("posts", "does not happen", id="the collection alone"),
        pytest.param("*.created", "is no event type", id="a star in front"),
        pytest.param("posts.cre*", "is no event type", id="half a word"),
        pytest.param("", "is no event type", id="nothing"),
        pytest.param("a" * 300, "is no event type", id="too long"),
        pytest.param(5, "is no event type", id="a number"),
    ],
)
def test_these_cannot(pattern: Any, wrong: str):
    assert wrong in (wrong_pattern(pattern, COLLECTIONS, OTHERS) or "")


@pytest.mark.parametrize(
    ("patterns", "type", "found"),
    [
        (["*"], "posts.created", True),
        (["posts.*"], "posts.created", True),
        (["posts.*"], "posts_old.created", False),
        (["posts.created"], "posts.created", True),
        (["posts.created"], "posts.updated", False),
        (["auth.*", "posts.deleted"], "posts.deleted", True),
        ([], "posts.created", False),
    ],
)
def test_an_event_is_for_who_has_asked_for_its_type(patterns: list[str], type: str, found: bool):
    assert matches(patterns, type) is found
