"""How long a job that failed waits."""

import pytest

from holdfast.jobs.worker import pause_seconds


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 5), (2, 15), (3, 45), (6, 1215), (7, 3600), (8, 3600), (1000, 3600)]
)
def test_pauses_grow_to_an_hour_and_are_spread(attempt: int, seconds: float):
    assert pause_seconds(attempt, 0.5) == pytest.approx(seconds)
    assert pause_seconds(attempt, 0.0) == pytest.approx(seconds * 0.8)
    assert pause_seconds(attempt, 1.0) == pytest.approx(seconds * 1.2)
