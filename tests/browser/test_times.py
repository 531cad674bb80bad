"""Times as they are where somebody sits, or in UTC: chosen once, for every screen and every browser of an account."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from served import Served, superuser
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
TOKYO = {"viewport": {"width": 1440, "height": 900}, "timezone_id": "Asia/Tokyo"}
UTC, THERE = "2026-11-20 23:15:00", "2026-11-21 08:15:00"


@pytest.fixture(scope="module")
def root(served: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser, with one moment in it."""
    with superuser(served) as client:
        fields = [{"name": "at", "type": "date"}]
        client.post("/collections", json={"name": "moments", "fields": fields}).raise_for_status()
        client.post("/collections/moments/records", json={"at": f"{UTC}Z"}).raise_for_status()
        yield client


def browser(served: Served, opened: Callable[..., Opened], path: str) -> Page:
    """Another browser, in which nobody has chosen anything."""
    page = opened(**TOKYO).page
    page.goto(f"{served.url}/_{path}")
    page.get_by_label("Email").fill(served.email)
    page.get_by_label("Password", exact=True).fill(served.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Sections")).to_be_visible()
    return page


def test_utc_is_chosen_once_for_every_screen_and_every_browser(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    page = browser(served, opened, "/data/moments")
    expect(page.get_by_role("gridcell", name=THERE)).to_be_visible()
    page.goto(f"{served.url}/_/account")
    with page.expect_response("**/api/console/preferences"):
        page.get_by_role("group", name="Times").get_by_role("button", name="UTC").click()
    with page.expect_response("**/api/console/preferences"):
        page.get_by_role("group", name="Theme").get_by_role("button", name="Dark").click()

    other = browser(served, opened, "/data/moments")
    cell = other.get_by_role("gridcell", name=UTC)
    expect(cell).to_be_visible()
    expect(cell.get_by_title(f"{THERE} (here)")).to_be_visible()
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    row = root.get("/collections/moments/records").json()["items"][0]["id"]
    other.goto(f"{served.url}/_/data/moments?record={row}")
    moment = other.get_by_role("dialog").get_by_label("at", exact=True)
    expect(moment).to_have_value(re.compile(f"^{UTC.replace(' ', 'T')[:16]}"))
    moment.fill("2026-11-20T01:02:03")
    other.get_by_role("button", name="Save", exact=False).first.click()
    expect(other.get_by_role("gridcell", name="2026-11-20 01:02:03")).to_be_visible()
    assert root.get(f"/collections/moments/records/{row}").json()["at"] == "2026-11-20 01:02:03.000Z"


def test_the_log_the_audit_log_and_the_charts_follow(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    root.put("/console/preferences", json={"times": "utc"}).raise_for_status()
    page = browser(served, opened, "/audit?target=moments")
    entry = root.get("/audit", params={"target": "moments"}).json()["items"][0]
    shown = page.get_by_role("cell", name=entry["at"][:19])
    expect(shown).to_have_attribute("title", re.compile(r"\(here\)$"))
    page.goto(f"{served.url}/_/observe/logs?{httpx.QueryParams({'range': '1d', 'q': '/collections'})}")
    line = root.get("/logs", params={"filter": "message ~ '/collections'", "perPage": 1}).json()["items"][0]
    expect(page.get_by_role("cell", name=line["created"][11:16]).first).to_be_visible()
    page.goto(f"{served.url}/_/observe/metrics?from=2026-01-31T10:00:00Z&until=2026-01-31T11:00:00Z")
    expect(page.get_by_label("From")).to_have_value(re.compile("^2026-01-31T10:00"))
    root.put("/console/preferences", json={"times": "local"}).raise_for_status()
    page.reload()
    expect(page.get_by_label("From")).to_have_value(re.compile("^2026-01-31T19:00"))


def test_a_reload_has_the_theme_before_anything_is_asked(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    root.put("/console/preferences", json={"theme": "dark"}).raise_for_status()
    page = browser(served, opened, "/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.route("**/api/console/bootstrap", lambda route: None)  # it is never answered
    page.reload(wait_until="commit")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.unroute_all(behavior="ignoreErrors")
