"""Dates in filters, and macros."""

from datetime import UTC, datetime

import pytest

from holdfast.expressions.moment import MOMENTS, PARTS, read_moment, stamp

NOW = datetime(2024, 2, 11, 9, 5, 7, 123_456, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024", "2024-01-01 00:00:00.000Z"),
        ("2024-05", "2024-05-01 00:00:00.000Z"),
        ("2024-05-07", "2024-05-07 00:00:00.000Z"),
        ("2024-05-07 10", "2024-05-07 10:00:00.000Z"),
        ("2024-05-07 10:20", "2024-05-07 10:20:00.000Z"),
        ("2024-05-07 10:20:30", "2024-05-07 10:20:30.000Z"),
        ("2024-05-07 10:20:30.1234567Z", "2024-05-07 10:20:30.123Z"),
        ("2024-05-07T10:20:30+02:00", "2024-05-07 08:20:30.000Z"),
        ("2024-05-07T10:20:30-0130", "2024-05-07 11:50:30.000Z"),
        (" 2024-05-07 ", "2024-05-07 00:00:00.000Z"),
        ("0001-01-01", "0001-01-01 00:00:00.000Z"),
        ("9999-12-31 23:59:59.999Z", "9999-12-31 23:59:59.999Z"),
    ],
)
def test_a_text_is_the_first_instant_of_what_it_names(text: str, written: str) -> None:
    moment = read_moment(text)
    assert moment is not None
    assert stamp(moment) == written


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "202",
            "20245",
            "2024-13",
            "2024-02-30",
            "2024-5-7",
            "0000-01-01",
            "2024-05-07 25:00",
            "2024-05-07x",
        ),
        *("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-01:00", "2024-05-07 10:00+99:99", "٢٠٢٤"),
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_moment(text) is None


@pytest.mark.parametrize(
    ("macro", "written"),
    [
        ("@now", "2024-02-11 09:05:07.123Z"),
        ("@yesterday", "2024-02-10 09:05:07.123Z"),
        ("@tomorrow", "2024-02-12 09:05:07.123Z"),
        ("@todayStart", "2024-02-11 00:00:00.000Z"),
        ("@todayEnd", "2024-02-11 23:59:59.999Z"),
        ("@monthStart", "2024-02-01 00:00:00.000Z"),
        ("@monthEnd", "2024-02-29 23:59:59.999Z"),
        ("@yearStart", "2024-01-01 00:00:00.000Z"),
        ("@yearEnd", "2024-12-31 23:59:59.999Z"),
    ],
)
def test_macros_are_dates_from_the_time_of_the_request(macro: str, written: str) -> None:
    assert stamp(MOMENTS[macro](NOW)) == written


def test_macros_are_numbers_of_the_time_of_the_request() -> None:
    numbers = {"@second": 7, "@minute": 5, "@hour": 9, "@day": 11, "@weekday": 0, "@month": 2, "@year": 2024}
    assert {macro: part(NOW) for macro, part in PARTS.items()} == numbers
