"""Filters are read: shapes, literals, places of errors, limits."""

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.errors import InvalidFilter
from holdfast.expressions.parse import parse
from holdfast.expressions.read import read_filter
from holdfast.expressions.tree import Constant, Group, Macro, Path, Slot, Term


def only_term(text: str, params: Any = None) -> Term:
    root = read_filter(text, params or {}).tree.root
    assert isinstance(root, Term)
    return root


def refusal(text: str, params: Any = None) -> str:
    with pytest.raises(InvalidFilter) as raised:
        read_filter(text, params or {})
    return raised.value.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("title = 'a'", "title = 'something else'"),
        ("title = 'a'", 'title = "b"'),
        ("title = 'a'", "title = 'a%'"),
        ("views > 5", "views > 777777"),
        ("views > 1.5", "views > -2e3"),
        ("created > '2024-01-01'", "created > '2025-11-20 10:00:00.000Z'"),
        ("a = 'x' && b = 'y'", "a = '&& b' && b = '\\''"),
    ],
)
def test_filters_that_differ_in_their_values_alone_have_one_shape(one: str, other: str) -> None:
    first, second = read_filter(one), read_filter(other)
    assert first.shape == second.shape
    assert first.literals != second.literals
    assert first.tree.root is second.tree.root


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("title = 'a'", "title = ''"),
        ("title = 'a'", "title = '5'"),
        ("title = '5'", "title = 5"),
        ("title = '5'", "title = '5.0'"),
        ("views = 5", "views = 5.5"),
        ("created = '2024'", "created = '5'"),
        ("created = '2024-02-29'", "created = '2023-02-29'"),
        ("open = true", "open = false"),
        ("strftime('%Y', created) = '2024'", "strftime('%m', created) = '2024'"),
    ],
)
def test_what_decides_the_sql_is_in_the_shape(one: str, other: str) -> None:
    assert read_filter(one).shape != read_filter(other).shape
    assert hash(read_filter(one).shape) == hash(read_filter(one).shape)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("a = 'it\\'s'", "it's"),
        ('a = "it\'s"', "it's"),
        ('a = "say \\"hi\\""', 'say "hi"'),
        ("a = 'back\\slash'", "back\\slash"),
        ("a = 'a\\\\'b'", "a\\'b"),
        ("a = '100\\%'", "100\\%"),
        ("a = '// no comment'", "// no comment"),
        ("a = '{:p}'", "{:p}"),
        ("a = 'ünï'", "ünï"),
        ("a = 007", "007"),
        ("a = -1.50", "-1.50"),
        ("a=-5", "-5"),
        ("a = 1e5", "1e5"),
    ],
)
def test_literals_are_what_was_written(text: str, literal: str) -> None:
    assert read_filter(text).literals == (literal,)


@pytest.mark.parametrize(
    ("value", "literals", "right"),
    [
        ("x", ("x",), Slot),
        ("it's", ("it's",), Slot),
        (5, ("5",), Slot),
        (5.0, ("5",), Slot),
        (0.1, ("0.1",), Slot),
        (datetime(2024, 5, 1, 12, tzinfo=UTC), ("2024-05-01 12:00:00.000Z",), Slot),
        ("", (), Constant),
        (None, (), Constant),
        (True, (), Constant),
    ],
    ids=str,
)
def test_a_placeholder_stands_for_its_parameter(value: Any, literals: tuple[str, ...], right: type) -> None:
    reading = read_filter("title = {:p}", {"p": value})
    assert reading.literals == literals
    assert isinstance(reading.tree.root, Term)
    assert isinstance(reading.tree.root.right, right)


def test_a_parameter_is_never_read_as_a_part_of_the_filter() -> None:
    hostile = "x' || id != '"
    reading = read_filter("title = {:p}", {"p": hostile})
    assert isinstance(reading.tree.root, Term)
    assert reading.literals == (hostile,)


def test_what_pocketbase_clients_quote_stays_one_text() -> None:
    for hostile in ("it's", "a\\'b", "\\' || 1=1 || 'x", "''", "'"):
        quoted = "title = '" + hostile.replace("'", "\\'") + "'"
        assert read_filter(quoted).literals == (hostile,)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("author.team.name = 1", Path(("author", "team", "name"), "", 0)),
        ("meta.tags.0 = 1", Path(("meta", "tags", "0"), "", 0)),
        ("title:lower = 1", Path(("title",), "lower", 0)),
        ("@request.body.x:isset = 1", Path(("@request", "body", "x"), "isset", 0)),
        ("@collection.news:n.title = 1", Path(("@collection", "news", "title"), "", 0, "n")),
        ("comments_via_post.message = 1", Path(("comments_via_post", "message"), "", 0)),
    ],
)
def test_paths_are_read(text: str, path: Path) -> None:
    assert only_term(text).left == path


def test_the_parts_of_a_path_know_where_they_begin() -> None:
    path = Path(("@collection", "news", "title", "x"), "", 10, "alias")
    text = "          @collection.news:alias.title.x"
    assert [text[path.at_name(number) :].startswith(name) for number, name in enumerate(path.names)] == [True] * 4


def test_and_binds_closer_than_or() -> None:
    root = read_filter("a = 1 || b = 1 && c = 1").tree.root
    assert isinstance(root, Group)
    assert root.either
    assert isinstance(root.parts[1], Group)
    assert not root.parts[1].either


def test_words_and_macros_are_no_fields() -> None:
    assert isinstance(only_term("TRUE = null").left, Constant)
    assert only_term("a = @todayStart").right == Macro("@todayStart", 4)


@pytest.mark.parametrize(
    "text",
    ["a = 1 // the rest is talk", "// first\na = 1", "a // x\n = // 'y\n 1", "  a\n=\t1  ", "((a = 1))", "a=1"],
)
def test_comments_brackets_and_white_space_change_nothing(text: str) -> None:
    term = only_term(text)
    assert (term.left, term.right) == (Path(("a",), "", term.left.at), Slot(0, term.right.form, term.right.at))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The filter ends where a field or a value was expected (at character 1)."),
        ("   ", "The filter ends where a field or a value was expected (at character 4)."),
        ("title", "The filter ends where an operator such as = or ~ was expected (at character 6)."),
        ("title =", "The filter ends where a field or a value was expected (at character 8)."),
        ("title == 'x'", "Found '=' where a field or a value was expected (at character 8)."),
        ("title = 'x' y", "Found 'y' where && or || was expected (at character 13)."),
        ("title = 'x' 'y'", "Found a value where && or || was expected (at character 13)."),
        ("a = 'long text' & b = 1", "'&' cannot stand here: and is written && (at character 17)."),
        ("a = {:x && b", "'{' cannot stand here: a parameter is written {:name} (at character 5)."),
        ("(a = 1", "The filter ends where a closing bracket was expected (at character 7)."),
        ("a = 1)", "Found ')' where && or || was expected (at character 6)."),
        ("a = 'x", "This text has no closing ' (at character 5)."),
        ("a = 'x\\'", "This text has no closing ' (at character 5)."),
        ("a = 'b' && c = \"x", 'This text has no closing " (at character 16).'),
        ("a = 5abc", "'5' cannot stand here (at character 5)."),
        ("a = {:b}", "There is no parameter for {:b}: send p.b (at character 5)."),
        ("a = 1 && @todaStart > 1", 'There is no "@todaStart" (at character 10): did you mean "@todayStart"?'),
        ("'xyz' = title:lowr", 'There is no modifier ":lowr" (at character 14): did you mean "lower"?'),
        ("a:each.b = 1", "A modifier such as :each stands at the end of a path (at character 1)."),
        ("geoDistanc(1) = 2", 'There is no function "geoDistanc" (at character 1): did you mean "geoDistance"?'),
        ("geoDistance(1 2) = 2", "Found a value where a comma or a closing bracket was expected (at character 15)."),
        ("strftime('%Y', strftime('%Y')) = 2", "A function cannot be an argument of another one (at character 16)."),
        ("a = 1e999", "This number is too large (at character 5)."),
        ("a = " + "9" * 400, "This number is too large (at character 5)."),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, [], {"a": 1}, b"x"], ids=str)
def test_a_parameter_that_is_no_value_is_refused(value: Any) -> None:
    assert "p.p" in refusal("a = {:p}", {"p": value})


@pytest.mark.parametrize("text", ["a = 'x\0y'", "\0t = 1", "a = '\ud800'", "a\0 = 1"], ids=ascii)
def test_characters_that_no_text_can_hold_are_refused(text: str) -> None:
    assert "character" in refusal(text)
    assert "character" in refusal("a = {:p}", {"p": text})


def test_a_filter_is_limited_in_length_number_and_depth() -> None:
    assert "3500" in refusal("a = '" + "x" * 3500 + "'")
    assert "200" in refusal("&&".join(["a=1"] * 201))
    assert "20" in refusal("(" * 21 + "a=1" + ")" * 21)
    assert read_filter("&&".join(["a=1"] * 200)).literals == ("1",) * 200
    assert isinstance(read_filter("(" * 20 + "a=1" + ")" * 20).tree.root, Term)


@pytest.mark.parametrize(
    "text", ["'" * 3499, "\\'" * 1749, "\"'" * 1749, "(" * 3500, "a." * 1749, "{:" * 1749, "9" * 3500]
)
def test_hostile_texts_are_refused_at_once(text: str) -> None:
    assert refusal(text)


def test_reading_a_known_shape_parses_nothing() -> None:
    read_filter("status = 'open' && views > 10 && created > '2024-01-01'")
    before = parse.cache_info().misses
    for number in range(50):
        read_filter(f"status = 'open{number}' && views > {number + 100} && created > '2024-01-{number % 28 + 1:02}'")
    assert parse.cache_info().misses == before
