"""What a list of jobs can be asked for."""

import pytest

from holdfast.background.job_query import JobQuery, read_id, read_job_query
from holdfast.errors import BadRequest


def test_what_is_asked_is_read():
    query = {"state": "dead", "plugin": "shop", "name": "shop.receipt", "before": "17", "limit": "5", "fields": "id"}
    assert read_job_query(query) == JobQuery(5, 17, "dead", "shop", "shop.receipt")
    assert read_job_query({}) == JobQuery()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"state": "late"}, ["state"]),
        ({"limit": "0"}, ["limit"]),
        ({"limit": "201"}, ["limit"]),
        ({"limit": "two"}, ["limit"]),
        ({"before": "-1"}, ["before"]),
        ({"before": "9" * 19}, ["before"]),
        ({"name": "a\0b", "plugin": "\0"}, ["plugin", "name"]),
        ({"sort": "name"}, ["sort"]),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_by_its_parameter(query: dict[str, str], named: list[str]):
    with pytest.raises(BadRequest) as refused:
        read_job_query(query)
    assert list(refused.value.data) == named


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("1", 1),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("1e3", None),
        ("", None),
        ("١", None),
        ("1" * 400, None),
    ],
)
def test_an_id_is_a_whole_number_that_fits(text: str, id: int | None):
    assert read_id(text) == id
