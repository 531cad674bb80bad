"""SQL as a value."""

import pytest

from holdfast.db.sql import Inputs, Statement, bind, inline, join, literal, name, named, number, raw, value


def test_values_become_numbered_parameters_in_order() -> None:
    statement = Statement.of(raw("SELECT ") + value(1, "integer") + raw(", ") + value("x", "text"))
    assert statement.text == "SELECT $1::integer, $2::text"
    assert statement.args() == [1, "x"]


def test_the_same_parameter_twice_is_bound_once() -> None:
    moment = bind(lambda inputs: inputs.now, "timestamptz")
    statement = Statement.of(moment + raw(" = ") + moment)
    assert statement.text == "$1::timestamptz = $1::timestamptz"
    assert len(statement.args()) == 1


def test_one_statement_runs_with_many_inputs() -> None:
    statement = Statement.of(raw("SELECT ") + named("id", "text"))
    assert statement.args(Inputs(named={"id": "a"})) == ["a"]
    assert statement.args(Inputs(named={"id": "b"})) == ["b"]


@pytest.mark.parametrize(
    ("identifier", "quoted"),
    [
        pytest.param("posts", '"posts"', id="plain"),
        pytest.param('a"; drop table x --', '"a""; drop table x --"', id="quote"),
        pytest.param("CamelCase", '"CamelCase"', id="case"),
        pytest.param("é" * 31, '"' + "é" * 31 + '"', id="62-bytes"),
    ],
)
def test_a_name_is_quoted(identifier: str, quoted: str) -> None:
    assert inline(name(identifier)) == quoted


@pytest.mark.parametrize(
    "identifier", [pytest.param("", id="empty"), pytest.param("a\0b", id="nul"), pytest.param("é" * 32, id="64-bytes")]
)
def test_a_name_that_postgresql_would_change_is_refused(identifier: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        name(identifier)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        pytest.param("x", "E'x'", id="plain"),
        pytest.param("o'clock", "E'o''clock'", id="quote"),
        pytest.param("\\' OR true --", "E'\\\\'' OR true --'", id="backslash"),
    ],
)
def test_a_constant_is_quoted(text: str, quoted: str) -> None:
    assert inline(literal(text)) == quoted


@pytest.mark.parametrize("value_", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused(value_: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        number(value_)


def test_pieces_are_joined_with_their_parameters() -> None:
    statement = Statement.of(join(" AND ", [raw("a = ") + value(1, "integer"), raw("b = ") + value(2, "integer")]))
    assert statement.text == "a = $1::integer AND b = $2::integer"


def test_ddl_takes_no_parameters() -> None:
    with pytest.raises(ValueError, match="bind parameters"):
        inline(value(1, "integer"))
