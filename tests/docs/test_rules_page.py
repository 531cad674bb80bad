"""The page about rules: its examples are rules, its lists are those of the code."""

import re
from pathlib import Path
from typing import get_args

import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.http import slowing
from holdfast.records.list import MAX_COUNTED
from holdfast.rules.check import check_rule
from holdfast.rules.facts import Context
from holdfast.rules.names import OF_AUTH, REQUEST
from holdfast.schema.bool import BoolField
from holdfast.schema.date import DateField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField
from unit.expressions.library import collection, field

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "rules.md").read_text("utf-8")
EXAMPLES = [
    line
    for block in re.findall(r"^```rule\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.splitlines()
    if line.strip()
]

PEOPLE = collection(
    "people",
    field(TextField, "name"),
    field(RelationField, "team", collection_id="teams_id"),
    field(NumberField, "rank"),
    field(SelectField, "marks", values=("a", "b"), max_select=2),
    type="auth",
)
TEAMS = collection(
    "teams", field(TextField, "name"), field(RelationField, "members", collection_id="people_id", max_select=99)
)
POSTS = collection(
    "posts",
    field(TextField, "title"),
    field(RelationField, "author", collection_id="people_id"),
    field(RelationField, "team", collection_id="teams_id"),
    field(RelationField, "readers", collection_id="people_id", max_select=99),
    field(BoolField, "public"),
    field(NumberField, "views"),
    field(SelectField, "labels", values=("a", "b"), max_select=2),
    field(DateField, "day"),
    field(JsonField, "meta"),
)
COMMENTS = collection(
    "comments",
    field(RelationField, "post", collection_id="posts_id"),
    field(RelationField, "author", collection_id="people_id"),
    field(NumberField, "stars"),
)
PASSES = collection(
    "passes",
    field(RelationField, "who", collection_id="people_id"),
    field(RelationField, "team", collection_id="teams_id"),
    field(NumberField, "level"),
)
CATALOG = Catalog.of(1, (PEOPLE, TEAMS, POSTS, COMMENTS, PASSES))


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_rule(example: str) -> None:
    check_rule(CATALOG, POSTS, example, updates=True)


def test_all_that_a_rule_can_ask_of_the_request_is_there() -> None:
    assert set(re.findall(r"^\| `@request\.(\w+)", section("The request"), re.M)) | {"auth"} == set(REQUEST)
    assert set(re.findall(r"`@request\.auth\.(\w+)`", section("The caller"))) >= set(OF_AUTH)


def test_all_contexts_are_there() -> None:
    listed = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section("The request").partition("| context |")[2], re.M)
    assert sorted(re.findall(r"\w+", " ".join(listed))) == sorted(get_args(Context))


def test_the_numbers_are_those_of_the_code() -> None:
    text = section("Guessing by time")
    assert slowing.FREE == 3 and "more than three" in text
    assert f"within {slowing.WINDOW_SECONDS:.0f} seconds" in text
    assert slowing.LONGEST_SECONDS == 0.5 and "up to half a second" in text
    assert f"{MAX_COUNTED:,} records" in text
