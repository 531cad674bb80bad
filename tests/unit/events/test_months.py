"""The partitions of the history by their names."""

from datetime import date

import pytest

from holdfast.events.months import following, month_name, month_of


@pytest.mark.parametrize(
    ("month", "name", "after"),
    [
        pytest.param(date(2026, 1, 1), "history_202601", date(2026, 2, 1), id="January"),
        pytest.param(date(2026, 11, 1), "history_202611", date(2026, 12, 1), id="November"),
        pytest.param(date(2026, 12, 1), "history_202612", date(2027, 1, 1), id="December"),
    ],
)
def test_a_month_has_a_table_and_a_month_after_it(month: date, name: str, after: date):
    assert (month_name(month), month_of(name), following(month)) == (name, month, after)


@pytest.mark.parametrize(
    "name", ["history_2026", "history_202613", "history_shapes", "events_202601", "history_20260101", ""]
)
def test_a_table_of_somebody_else_is_no_month(name: str):
    assert month_of(name) is None
