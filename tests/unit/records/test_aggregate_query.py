"""The parameters of an aggregate request."""

import pytest

from holdfast.errors import BadRequest
from holdfast.records.aggregate_query import AggregateQuery, Measure, read_aggregate


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, AggregateQuery()),
        ({"groupBy": " a , b.c ,a,"}, AggregateQuery(group_by=("a", "b.c"))),
        (
            {"select": "sum( x ),count(),sum(x)"},
            AggregateQuery(select=(Measure("sum", "x"), Measure("count", ""))),
        ),
        (
            {"groupBy": "a", "sort": "-count( ),+a,a"},
            AggregateQuery(group_by=("a",), sort=(("count()", True), ("a", False))),
        ),
        ({"limit": "5"}, AggregateQuery(limit=5)),
        ({"limit": "0"}, AggregateQuery()),
        ({"limit": "99999"}, AggregateQuery(limit=1000)),
        ({"p.a": "1", "filter": "x = {:a}"}, AggregateQuery(filter="x = {:a}", params=(("a", "1"),))),
    ],
)
def test_the_parameters_are_read(query: dict[str, str], expected: AggregateQuery):
    assert read_aggregate(query) == expected


@pytest.mark.parametrize(
    "select", ["x", "sum", "sum(x", "sum(x))", "sum(x)(y)", "sum(a b)", "SUM(x)", "sum((x))", "avg()"]
)
def test_what_is_no_function_is_refused(select: str):
    with pytest.raises(BadRequest) as refusal:
        read_aggregate({"select": select})
    assert list(refusal.value.data) == ["select"]
