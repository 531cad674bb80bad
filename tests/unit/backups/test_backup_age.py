"""When a backup is late, and what the doctor says of it."""

from datetime import UTC, datetime

import pytest

from holdfast.backups.name import made_up
from holdfast.backups.shelf import is_newer
from holdfast.backups.state import BackupsState, is_late
from holdfast.doctor.work import backups

NIGHTLY = "30 3 * * *"


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2027, 1, number, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "made", "next_run", "now", "late"),
    [
        ("", None, None, day(9), False),
        (NIGHTLY, day(8), None, day(9, 2), False),
        (NIGHTLY, day(8), None, day(9, 4), False),
        (NIGHTLY, day(8), None, day(9, 5), True),
        (NIGHTLY, None, day(9, 3), day(9, 2), False),
        (NIGHTLY, None, day(9, 3), day(9, 5), True),
        (NIGHTLY, None, None, day(9), False),
    ],
)
def test_a_backup_is_late_an_hour_after_its_time(
    cron: str, made: datetime | None, next_run: datetime | None, now: datetime, late: bool
):
    assert is_late(cron, made, next_run, now) is late


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (BackupsState("", "", "", False, False), "ok"),
        (BackupsState("a.zip", "2027-01-08 12:00:00.000Z", "manual", True, False), "ok"),
        (BackupsState("a.zip", "2027-01-08 12:00:00.000Z", "manual", True, True), "warning"),
        (BackupsState("", "", "", True, True), "warning"),
    ],
)
def test_the_doctor_warns_of_a_backup_that_is_late_and_of_nothing_else(state: BackupsState, expected: str):
    assert backups(state).state == expected


def test_a_name_is_made_of_what_it_is_of_which_project_and_when():
    assert made_up("manual", "Ümläut & Söhne!", day(8)) == "hf_backup_ml_ut_s_hne_20270108120000.zip"
    assert made_up("scheduled", "", day(8)) == "hf_auto_20270108120000.zip"


@pytest.mark.parametrize(("version", "newer"), [("0.0.1", False), ("99.0.0", True), ("0.1.0", False)])
def test_a_version_is_compared_by_its_numbers(version: str, newer: bool):
    assert is_newer(version) is newer
