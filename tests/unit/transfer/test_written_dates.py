"""Dates with the day or the month first become those that the API writes; what is written otherwise stays as it is."""

import pytest

from holdfast.transfer.dates import Dates, as_iso


@pytest.mark.parametrize(
    ("text", "dates", "iso"),
    [
        ("20.11.2026", "dmy", "2026-11-20"),
        ("1.2.2026", "dmy", "2026-02-01"),
        ("01/02/2026", "mdy", "2026-01-02"),
        ("01/02/2026", "dmy", "2026-02-01"),
        ("1-2-2026 9:05", "dmy", "2026-02-01 09:05:00"),
        (" 11/20/2026, 3:15:07 PM ", "mdy", "2026-11-20 15:15:07"),
        ("11/20/2026 12:00 am", "mdy", "2026-11-20 00:00:00"),
        ("11/20/2026 12:00 p.m.", "mdy", "2026-11-20 12:00:00"),
        ("20.11.2026T09:15:00.5+01:00", "dmy", "2026-11-20 09:15:00.5+01:00"),
        ("20.11.2026 09:15Z", "dmy", "2026-11-20 09:15:00Z"),
        # The field refuses what is no day, in its own words.
        ("31.02.2026", "dmy", "2026-02-31"),
        ("20.11.2026", "mdy", "2026-20-11"),
        # As they are: two digits are no year, two signs no date, 13 no hour before noon.
        ("20.11.26", "dmy", "20.11.26"),
        ("20.11/2026", "dmy", "20.11/2026"),
        ("11/20/2026 13:00 AM", "mdy", "11/20/2026 13:00 AM"),
        ("2026-11-20 09:15:00.123Z", "dmy", "2026-11-20 09:15:00.123Z"),
        ("20.11.2026", "iso", "20.11.2026"),
        ("", "dmy", ""),
    ],
)
def test_a_date_is_read_as_it_is_written(text: str, dates: Dates, iso: str):
    assert as_iso(text, dates) == iso
