"""One statement for many runs: parameters become columns."""

from holdfast.db.sql import Inputs, Statement, named, raw, spread, value

RUN = raw("run")


def test_parameters_become_columns_each_once():
    a, b = named("a", "text"), value(5, "bigint")
    (first, second), runs = spread((raw("x = ") + a, a + raw(" > ") + b), RUN)
    assert Statement.of(first).text == 'x = run."hf run 0"'
    assert Statement.of(second).text == 'run."hf run 0" > run."hf run 1"'
    assert Statement.of(runs.source).text == (
        'unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS run ("hf run 0", "hf run 1", ordinal)'
    )
    made = [runs.run(Inputs(named={"a": text})) for text in ("x", "y")]
    assert made == [("x", 5), ("y", 5)]
    assert Statement.of(runs.source).args(Inputs(named=runs.columns(made))) == [["x", "y"], [5, 5]]


def test_an_array_stays_a_parameter():
    (one,), runs = spread((raw("x = ANY(") + value(["a"], "text[]") + raw(")"),), RUN)
    assert Statement.of(one).text == "x = ANY($1::text[])"
    assert runs.reads == ()


def test_without_parameters_there_is_still_a_row_for_each_run():
    _, runs = spread((raw("true"),), RUN)
    source = Statement.of(runs.source)
    assert source.text == "generate_series(1, $1::bigint) AS run (ordinal)"
    assert source.args(Inputs(named=runs.columns([(), ()]))) == [2]
