"""What the doctor makes of facts."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from holdfast.config import Settings
from holdfast.doctor import machine, work
from holdfast.doctor.postgresql import Facts, judge
from holdfast.jobs.state import JobsState
from holdfast.schema.app_options import AppOptions
from holdfast.webhooks.state import WebhooksState

HEALTHY = Facts(
    version_number=180006,
    skew=0.01,
    fsync=True,
    full_page_writes=True,
    synchronous_commit="on",
    checksums=True,
    max_connections=100,
    standby=False,
    superuser=False,
    encoding="UTF8",
    connections=3,
)
TODAY = date(2026, 11, 20)


def states(facts: Facts, *, today: date = TODAY, wanted: int = 22) -> dict[str, str]:
    found = judge(facts, embedded=True, wanted_connections=wanted, today=today)
    assert all(one.advice for one in found if one.state != "ok")
    return {one.about: one.state for one in found}


def test_a_healthy_postgresql_is_ok():
    assert set(states(HEALTHY).values()) == {"ok"}


@pytest.mark.parametrize(
    ("change", "about", "state"),
    [
        ({"version_number": 140023}, "version", "broken"),
        ({"version_number": 180000}, "version", "warning"),
        ({"version_number": 150018}, "version", "warning"),
        ({"version_number": 180099}, "version", "ok"),
        ({"version_number": 190001}, "version", "ok"),
        ({"fsync": False}, "durability", "broken"),
        ({"full_page_writes": False}, "durability", "broken"),
        ({"synchronous_commit": "off"}, "durability", "broken"),
        ({"synchronous_commit": "local"}, "durability", "ok"),
        ({"checksums": False}, "durability", "warning"),
        ({"standby": True}, "role", "broken"),
        ({"superuser": True}, "role", "warning"),
        ({"encoding": "SQL_ASCII"}, "encoding", "broken"),
        ({"max_connections": 24}, "connections", "warning"),
        ({"skew": -9.0}, "clock", "warning"),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else "",
)
def test_what_is_not_as_it_should_be_is_said(change: dict[str, object], about: str, state: str):
    found = states(msgspec.structs.replace(HEALTHY, **change))
    assert found.pop(about) == state
    assert set(found.values()) == {"ok"}


def test_a_minor_is_old_after_six_months():
    assert states(HEALTHY, today=date(2027, 2, 1))["version"] == "ok"
    assert states(HEALTHY, today=date(2027, 3, 1))["version"] == "warning"


@pytest.mark.parametrize(
    ("free", "state"), [(0, "broken"), (machine.GIB // 8, "broken"), (machine.GIB, "warning"), (9 * machine.GIB, "ok")]
)
def test_a_full_disk_is_said_before_it_is_too_late(free: int, state: str):
    assert machine.disk(Path("/srv"), free).state == state


@pytest.mark.parametrize(("limit", "state"), [(256, "warning"), (1024, "ok"), (-1, "ok")])
def test_a_low_limit_of_open_files_is_said(limit: int, state: str):
    assert machine.files(limit).state == state


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (JobsState(-30.0, 0), "ok: none is late, none was given up"),
        (JobsState(59.0, 0), "ok: none is late, none was given up"),
        (JobsState(75.4, 3), "warning: one that is due has waited for 75 s"),
        (JobsState(0.0, 3), "warning: 3 were given up"),
        (JobsState(0.0, 1000), "warning: 1000 or more were given up"),
    ],
)
def test_jobs_that_pile_up_or_were_given_up_are_said(state: JobsState, found: str):
    finding = work.jobs(state)
    assert f"{finding.state}: {finding.found}" == found


@pytest.mark.parametrize(
    ("settings", "state"), [(Settings(), "ok"), (Settings(public_url="https://x.example"), "warning")]
)
async def test_mail_without_smtp_is_fine_in_development_alone(settings: Settings, state: str):
    assert (await work.mail(AppOptions(), settings)).state == state


@pytest.mark.parametrize(
    ("state", "found"),
    [
        pytest.param(WebhooksState(0.0, 0, 0), "ok: no delivery is late", id="none"),
        pytest.param(WebhooksState(59.0, 0, 0), "ok: no delivery is late", id="just behind"),
        pytest.param(WebhooksState(61.0, 1, 1), "warning: a delivery that is due has waited for 61 s", id="late"),
        pytest.param(WebhooksState(0.0, 2, 0), "warning: the receivers of 2 fail", id="failing"),
        pytest.param(
            WebhooksState(0.0, 2, 1), "warning: 1 were turned off, and queue what they would get", id="turned off"
        ),
    ],
)
def test_deliveries_that_pile_up_are_said(state: WebhooksState, found: str):
    finding = work.webhooks(state)
    assert f"{finding.state}: {finding.found}" == found
    assert bool(finding.advice) is (finding.state != "ok")
