"""Which table holds which day."""

from datetime import UTC, datetime

import pytest

from holdfast.db.daily import Daily

EVENTS = Daily("events")


def test_a_table_goes_by_its_day():
    day = datetime(2026, 2, 28, tzinfo=UTC).date()
    assert EVENTS.partition(day) == "events_20260228"
    assert EVENTS.day("events_20260228") == day


@pytest.mark.parametrize("name", ["events_2026022", "events_20260230", "events_all", "events", "other_20260228"])
def test_what_somebody_else_has_attached_is_no_day(name: str):
    assert EVENTS.day(name) is None
