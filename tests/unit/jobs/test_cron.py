"""When something recurs: cron expressions in a time zone."""

from datetime import UTC, datetime

import pytest

from holdfast.jobs.cron import next_time


@pytest.mark.parametrize(
    ("cron", "timezone", "after", "upcoming"),
    [
        ("30 3 * * *", "UTC", "2027-01-31T03:29:59", "2027-01-31T03:30:00"),
        ("30 3 * * *", "UTC", "2027-01-31T03:30:00", "2027-02-01T03:30:00"),
        ("*/15 * * * *", "UTC", "2027-01-31T03:31:00.5", "2027-01-31T03:45:00"),
        ("0 9 * * MON-FRI", "UTC", "2027-01-29T10:00:00", "2027-02-01T09:00:00"),
        ("0 0 29 2 *", "UTC", "2027-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 12 1,15 * *", "UTC", "2027-01-02T00:00:00", "2027-01-15T12:00:00"),
        ("@daily", "UTC", "2027-01-31T12:00:00", "2027-02-01T00:00:00"),
        ("@Hourly", "UTC", "2027-01-31T12:00:00", "2027-01-31T13:00:00"),
        ("@weekly", "UTC", "2027-01-30T12:00:00", "2027-01-31T00:00:00"),
        ("@monthly", "UTC", "2027-01-30T12:00:00", "2027-02-01T00:00:00"),
        ("@yearly", "UTC", "2027-01-30T12:00:00", "2028-01-01T00:00:00"),
        ("30 3 * * *", "Europe/Berlin", "2027-01-31T02:00:00", "2027-01-31T02:30:00"),
        ("30 3 * * *", "Europe/Berlin", "2027-07-31T02:00:00", "2027-08-01T01:30:00"),
        # In Berlin there is no half past two on this day, and two of them on that one.
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T23:00:00", "2027-03-28T01:00:00"),
        ("30 2 * * *", "Europe/Berlin", "2027-10-31T00:30:00", "2027-11-01T01:30:00"),
    ],
    ids=lambda part: str(part).replace("*", "+"),
)
def test_the_next_time_is_that_of_cron(cron: str, timezone: str, after: str, upcoming: str):
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert next_time(cron, timezone, moment) == datetime.fromisoformat(upcoming).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "timezone", "reason"),
    [
        ("", "UTC", "it has five fields"),
        ("* * * *", "UTC", "it has five fields"),
        ("* * * * * *", "UTC", "it has five fields"),
        ("@reboot", "UTC", "it has five fields"),
        ("61 * * * *", "UTC", "bad minute"),
        ("* * * JANUAR *", "UTC", "bad month"),
        ("0 0 31 2 *", "UTC", "bad day-of-month"),
        ("@daily", "Europe/Atlantis", "there is no time zone 'Europe/Atlantis'"),
        ("@daily", "../../etc/passwd", "there is no time zone"),
        ("@daily", "", "there is no time zone"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(cron: str, timezone: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        next_time(cron, timezone, datetime(2027, 1, 1, tzinfo=UTC))
