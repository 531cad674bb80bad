"""The page about attacks: each has a number of its own and tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "explanation" / "attacks.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line.startswith("| A-")
]
TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)(?:\[([^\]`]+)\])?`")
LATER = {32, *range(48, 67), 82, *range(84, 87), *range(88, 91)}
"""Numbers of attacks on what there is not yet, or whose tests are still to be written down."""
REVIEWS = range(101, 1000)


@cache
def file(name: str) -> ast.Module:
    return ast.parse((TESTS / name).read_text("utf-8"))


def functions(name: str) -> set[str]:
    """The tests of a file."""
    found = (ast.AsyncFunctionDef, ast.FunctionDef)
    return {node.name for node in file(name).body if isinstance(node, found) and node.name.startswith("test_")}


def texts(name: str) -> set[str]:
    """All texts in a file: ids of parameters are among them."""
    return {
        node.value for node in ast.walk(file(name)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_attack_has_its_number_once_in_order_and_without_gaps() -> None:
    numbers = [int(row[0].removeprefix("A-")) for row in ROWS]
    assert numbers == sorted(set(numbers))
    assert {number for number in numbers if number < REVIEWS.start} == set(range(1, 91)) - LATER
    reviews = [number for number in numbers if number >= REVIEWS.start]
    assert reviews == list(REVIEWS[: len(reviews)])


def test_every_line_says_what_is_tried_what_happens_and_what_holds_it() -> None:
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []
    assert [row[0] for row in ROWS if TEST.search(row[3]) is None] == []
    # Nothing is named in another form, which the tests of this file would pass over.
    assert [row[0] for row in ROWS if TEST.sub("", row[3]).strip(" ,")] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_tests_that_are_named_exist(row: list[str]) -> None:
    for name, function, id in TEST.findall(row[3]):
        assert function in functions(name), f"{name} has no {function}"
        assert not id or id in texts(name), f"{name} has nothing called {id}"
