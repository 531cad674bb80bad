"""Strings made from a pattern."""

import re

import pytest

from holdfast.schema.generator import generate
from holdfast.schema.pattern import InvalidPattern, compile_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-z0-9]{15}",
        "[a-zA-Z0-9_]{50}",
        "users[0-9]{5}",
        "^(red|green|blue)-\\d{2,4}$",
        "(?:ab)?c+d*",
        "[^a-z\\s]{3}",
        "\\w\\.\\-[\\]\\\\^-]{2}",
        "[]a]{4}",
        "a{0}b",
        "x{2,}",
        "(a|(b|c){2}){3}",
        "é[à-ü]",
    ],
)
def test_what_is_made_matches_the_pattern(pattern: str) -> None:
    for _ in range(50):
        made = generate(pattern)
        assert re.fullmatch(pattern, made)
        assert compile_pattern(f"^(?:{pattern})$").search(made)


def test_two_values_differ() -> None:
    assert len({generate("[a-z0-9]{15}") for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("(a", id="open-group"),
        pytest.param("a)", id="closed-group"),
        pytest.param("[a-", id="open-class"),
        pytest.param("[z-a]", id="reversed-span"),
        pytest.param("*a", id="nothing-to-repeat"),
        pytest.param("a**", id="repeated-repeat"),
        pytest.param("a{x}", id="count"),
        pytest.param("a{5,2}", id="reversed-count"),
        pytest.param("a{9999}", id="long"),
        pytest.param("((a{100}){100}){100}", id="explosive"),
        pytest.param("(?=a)b", id="look-ahead"),
        pytest.param("(a)\\1", id="back-reference"),
        pytest.param("a\\", id="open-escape"),
        pytest.param("(" * 50 + "a" + ")" * 50, id="deep"),
        pytest.param("[^ -~]", id="empty-class"),
    ],
)
def test_a_pattern_that_cannot_be_made_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        generate(pattern)
