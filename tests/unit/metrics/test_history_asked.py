"""What is asked of the history, and what is wrong with a question."""

from datetime import UTC, datetime

import pytest

from holdfast.errors import BadRequest
from holdfast.metrics.history_asked import Span, read_marks_asked, read_series_asked, read_top_asked
from holdfast.metrics.series import SERIES

NOW = 1_800_000_030.0
MINUTE = 1_800_000_000.0


def test_the_last_hour_is_told_in_minutes_when_nothing_is_said():
    asked = read_series_asked({}, NOW)
    assert (asked.span, asked.series) == (Span(MINUTE - 3600, MINUTE + 60, 60), SERIES)


@pytest.mark.parametrize(
    ("hours", "step"), [(0.25, 60), (6, 60), (24, 600), (7 * 24, 1800), (30 * 24, 7200), (365 * 24, 86_400)]
)
def test_a_longer_time_has_longer_steps(hours: float, step: int):
    asked = read_series_asked({"from": _text(NOW - hours * 3600), "to": _text(NOW)}, NOW)
    assert asked.span.step == step


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_series_are_named_once_and_in_their_order():
    found = read_series_asked({"names": "memory, cpu,memory"}, NOW).series
    assert [one.name for one in found] == ["memory", "cpu"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param({"names": "nothing"}, "names", id="an unknown series"),
        pytest.param({"from": "yesterday"}, "from", id="no date"),
        pytest.param({"from": "2027-01-02", "to": "2027-01-01"}, "to", id="an end before the beginning"),
        pytest.param({"from": "2020-01-01", "to": "2027-01-01"}, "from", id="seven years"),
        pytest.param({"step": "61"}, "step", id="no whole minutes"),
        pytest.param({"step": "0"}, "step", id="no step"),
        pytest.param({"step": "-60"}, "step", id="a negative step"),
        pytest.param({"step": "9" * 30}, "step", id="a huge step"),
        pytest.param({"from": "2026-01-01", "to": "2026-12-31", "step": "60"}, "step", id="too many steps"),
        pytest.param({"until": "2027-01-01"}, "until", id="an unknown parameter"),
        pytest.param({"from": "0001-01-01", "to": "0001-01-02"}, "from", id="before there were computers"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(query: dict[str, str], name: str):
    with pytest.raises(BadRequest) as refusal:
        read_series_asked(query, NOW)
    assert list(refusal.value.data or {}) == [name]


@pytest.mark.parametrize(
    ("query", "name"),
    [({"by": "user"}, "by"), ({"sort": "name"}, "sort"), ({"limit": "201"}, "limit"), ({"step": "60"}, "step")],
)
def test_a_list_of_routes_that_makes_no_sense_is_refused(query: dict[str, str], name: str):
    with pytest.raises(BadRequest) as refusal:
        read_top_asked(query, NOW)
    assert list(refusal.value.data or {}) == [name]


def test_marks_of_no_time_are_refused():
    with pytest.raises(BadRequest):
        read_marks_asked({"from": "2027-01-02", "to": "2027-01-02"}, NOW)
