"""The parameters of a list request, from a query string and from a JSON body."""

from typing import Any

import pytest

from holdfast.errors import BadRequest
from holdfast.records.query import ListQuery, from_body, from_query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, ListQuery(), id="nothing is the first page of thirty, counted"),
        pytest.param({"page": "3", "perPage": "50"}, ListQuery(page=3, per_page=50), id="a page"),
        pytest.param({"page": "", "perPage": ""}, ListQuery(), id="empty is absent"),
        pytest.param({"page": "-1"}, ListQuery(), id="a page before the first is the first"),
        pytest.param({"page": "0"}, ListQuery(), id="page 0 is the first"),
        pytest.param({"perPage": "0"}, ListQuery(), id="no records a page is thirty"),
        pytest.param({"perPage": "-5"}, ListQuery(), id="fewer than none is thirty"),
        pytest.param({"perPage": "100000"}, ListQuery(per_page=1000), id="more than a thousand is a thousand"),
        pytest.param({"skipTotal": "true"}, ListQuery(count="none"), id="skipTotal"),
        pytest.param({"skipTotal": "1", "count": "exact"}, ListQuery(count="none"), id="skipTotal wins"),
        pytest.param({"skipTotal": "false"}, ListQuery(), id="skipTotal=false"),
        pytest.param({"count": "estimated"}, ListQuery(count="estimated"), id="estimated"),
        pytest.param({"cursor": ""}, ListQuery(cursor=""), id="an empty cursor begins a walk"),
        pytest.param({"search": " old  town "}, ListQuery(search="old  town"), id="search is stripped"),
        pytest.param({"p.a": "1", "p.": "2", "p": "3"}, ListQuery(params=(("a", "1"),)), id="values for the filter"),
        pytest.param({"nothing": "1", "sort": "-a"}, ListQuery(sort="-a"), id="unknown parameters are ignored"),
    ],
)
def test_a_query_string_is_read(query: dict[str, str], expected: ListQuery):
    assert from_query(query) == expected


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param({"page": "1.5"}, "page", id="a fraction"),
        pytest.param({"page": "1e3"}, "page", id="an exponent"),
        pytest.param({"page": "one"}, "page", id="a word"),
        pytest.param({"page": "1_000"}, "page", id="Python's own digits"),
        pytest.param({"page": "١"}, "page", id="digits of another script"),
        pytest.param({"page": "9" * 19}, "page", id="more than 64 bits"),
        pytest.param({"page": "9" * 5000}, "page", id="more than Python reads"),
        pytest.param({"page": "1000000001"}, "page", id="beyond the last page"),
        pytest.param({"perPage": "-" + "9" * 19}, "perPage", id="less than 64 bits"),
        pytest.param({"skipTotal": "maybe"}, "skipTotal", id="neither true nor false"),
        pytest.param({"count": "roughly"}, "count", id="an unknown way to count"),
        pytest.param({"search": "a" * 1001}, "search", id="a long search"),
        pytest.param({"cursor": "a" * 8193}, "cursor", id="a long cursor"),
        pytest.param({"asOf": "lately"}, "asOf", id="no date"),
        pytest.param({"near": "{}"}, "near", id="a search by vector"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(query: dict[str, str], name: str):
    with pytest.raises(BadRequest) as refusal:
        from_query(query)
    assert list(refusal.value.data) == [name]
    assert name in refusal.value.message


def test_a_body_has_values_of_their_own_kinds():
    asked = from_body(
        {"page": 2, "perPage": "10", "skipTotal": True, "cursor": None, "p": {"a": 1, "b": None}, "p.c": True}
    )
    assert asked == ListQuery(page=2, per_page=10, count="none", params=(("a", 1), ("b", None), ("c", True)))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param({"page": 1.0}, "page", id="a number with a point"),
        pytest.param({"page": True}, "page", id="true is no number"),
        pytest.param({"page": 10**18}, "page", id="19 digits"),
        pytest.param({"filter": 5}, "filter", id="a filter that is no text"),
        pytest.param({"expand": ["author"]}, "expand", id="a list for expand"),
        pytest.param({"p": ["a"]}, "p", id="a list of values"),
        pytest.param({"p": {"a": []}}, "p.a", id="a value that is a list"),
        pytest.param({"skipTotal": {}}, "skipTotal", id="an object for a truth"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_by_name(body: dict[str, Any], name: str):
    with pytest.raises(BadRequest) as refusal:
        from_body(body)
    assert list(refusal.value.data) == [name]


def test_the_offset_is_what_comes_before_the_page():
    assert ListQuery(page=4, per_page=25).offset == 75
