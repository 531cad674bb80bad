"""The page about filters: its lists are those of the code, its examples can be read, its limits hold."""

import re
from pathlib import Path

import pytest

from holdfast.catalog import order, path
from holdfast.expressions import parse, read
from holdfast.expressions.moment import MOMENTS, PARTS
from holdfast.expressions.read import read_filter
from holdfast.expressions.tree import Operator
from unit.expressions.library import scope

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "filters.md").read_text("utf-8")
EXAMPLES = [
    line
    for block in re.findall(r"^```filter\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.splitlines()
    if line.strip()
]


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_filter(example: str) -> None:
    assert scope().condition(read_filter(example).tree)


def test_all_operators_are_there() -> None:
    listed = re.findall(
        r"`(\??[!=<>~]+)`",
        "\n".join(line.partition(" | ")[0] for line in section("Operators").splitlines() if line.startswith("|")),
    )
    known = [operator.value for operator in Operator]
    assert sorted(listed) == sorted(known + ["?" + operator for operator in known])


def test_all_macros_are_there() -> None:
    assert re.findall(r"^\| `(@\w+)`", section("Macros"), re.M) == [*MOMENTS, *PARTS]


def test_all_modifiers_and_functions_are_there() -> None:
    assert set(re.findall(r"^\| `:(\w+)`", section("Modifiers"), re.M)) == set(parse.MODIFIERS)
    assert re.findall(r"^`(\w+)\(", section("Functions"), re.M) == list(parse.FUNCTIONS)


def test_every_code_of_strftime_is_there_and_works() -> None:
    codes = re.findall(r"`%(.)`", section("Functions"))
    assert len(codes) == len(set(codes))
    for code in codes:
        assert scope().condition(read_filter(f"strftime('%{code}', created) = ''").tree)
    with pytest.raises(Exception, match="strftime knows no") as refusal:
        scope().condition(read_filter("strftime('%Q', created) = ''").tree)
    assert set(re.findall(r"%(\S)", str(refusal.value).partition("has ")[2])) == set(codes)


def test_the_limits_are_those_of_the_code() -> None:
    limits = [int(limit) for limit in re.findall(r"\| (\d+) \|$", section("Limits"), re.M)]
    assert limits == [read.MAX_CHARS, parse.MAX_TERMS, parse.MAX_DEPTH, path.MAX_HOPS, order.MAX_KEYS]
