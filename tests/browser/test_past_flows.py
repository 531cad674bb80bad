"""What was, in a real browser: metrics with their marks, processes, how the schema has changed, and the first page."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
FIELDS = [{"name": "title", "type": "text"}]


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    with console_desk(served) as desk:
        desk.define("isles", FIELDS)
        desk.make("isles", {"title": "May"}, {"title": "Bass"})
        answer = desk.client.patch("/collections/isles", json={"listRule": ""})
        assert answer.status_code == 200, answer.text
        while not desk.client.get("/workers").json()["items"]:  # a second after the start
            time.sleep(0.05)
        yield desk


@pytest.fixture
def one(opened: Callable[..., Opened]) -> Opened:
    return opened("status of 40", viewport={"width": 1440, "height": 900}, accept_downloads=True)


def sound(one: Opened, axe: str) -> None:
    """Nothing is wrong in the light theme, nor with the colours of the dark one, and nothing reaches over the edge."""
    assert one.faults(axe) == []
    one.page.emulate_media(color_scheme="dark")
    assert one.faults(axe, of_colours=True) == []
    one.page.emulate_media(color_scheme="light")
    assert one.wider_than_the_window() == []


def region(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def test_a_changed_collection_is_a_mark_in_the_metrics_that_leads_to_the_audit_log(
    desk: ConsoleDesk, one: Opened, axe: str
) -> None:
    page = desk.open(one.page, "/observe/metrics?range=1h")
    marks = region(page, "What happened in this time")
    expect(marks.get_by_role("link", name="collection.updated isles")).to_be_visible()
    for chart in ("Work of the database", "Age of the queues", "Success of webhooks", "Logins", "Files", "Memory"):
        expect(page.locator("figcaption").get_by_text(chart, exact=True)).to_be_visible()
    sound(one, axe)
    marks.get_by_role("link", name="collection.updated isles").click()
    expect(page.get_by_role("dialog")).to_contain_text("collection.updated")


def test_routes_of_a_time_lead_to_their_lines_in_the_log(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/observe/metrics")
    routes = page.get_by_role("table", name="Routes in this time")
    expect(routes).to_be_visible()
    with page.expect_response("**/api/metrics/top?*sort=p95*"):
        routes.get_by_role("button", name="p95", exact=True).click()
    page.get_by_role("button", name="30 days", exact=True).click()
    expect(page).to_have_url(re.compile("range=30d"))
    page.reload()
    expect(page.get_by_role("button", name="30 days", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Slow in the database").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("data.dbTime >= 100")


def test_the_processes_say_that_they_live(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/jobs/workers")
    row = page.get_by_role("row").filter(has_text="serve 1").first
    expect(row).to_contain_text("alive")
    expect(row).to_contain_text("MB")
    sound(one, axe)


def test_a_change_of_a_collection_is_shown_and_taken_along(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/data/_/migrations")
    page.get_by_role("button", name="Show how isles was changed").first.click()
    sheet = page.get_by_role("dialog", name="isles: changed")
    expect(sheet).to_contain_text("listRule: nothing becomes empty")
    sound(one, axe)
    with page.expect_download() as taken:
        sheet.get_by_role("button", name="Download").click()
    assert taken.value.suggested_filename.endswith("_updated_isles.json")
    assert '"listRule": ""' in taken.value.path().read_text("utf-8")
    sheet.get_by_role("link", name="All of this collection").click()
    expect(page.get_by_role("button", name="Show how isles was made")).to_be_visible()
    page.get_by_role("button", name="Of all").click()
    expect(page).to_have_url(re.compile("/migrations$"))


def test_the_migrations_of_the_system_tables_are_there_with_their_source(
    desk: ConsoleDesk, one: Opened, axe: str
) -> None:
    page = desk.open(one.page, "/data/_/migrations")
    page.get_by_role("link", name="System tables").click()
    expect(page.get_by_text(re.compile("All [0-9]+ are applied"))).to_be_visible()
    page.get_by_role("button", name="0032_system_measures").click()
    sheet = page.get_by_role("dialog", name="0032_system_measures")
    expect(sheet.get_by_label("Source")).to_contain_text("CREATE TABLE holdfast.measures")
    sound(one, axe)
    with page.expect_download() as taken:
        sheet.get_by_role("button", name="Download").click()
    assert taken.value.suggested_filename == "m0032_system_measures.py"


def test_the_first_page_leads_to_what_it_tells_of(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/")
    health = region(page, "Health")
    expect(health.get_by_role("link", name=re.compile("^Processes .*live"))).to_be_visible()
    expect(health.get_by_role("link", name=re.compile("^Disk .* free"))).to_be_visible()
    expect(region(page, "Changes of collections").get_by_role("link", name=re.compile("updated isles"))).to_be_visible()
    expect(region(page, "Who came").get_by_role("listitem").first).to_contain_text("auth.login")
    expect(region(page, "Collections").get_by_role("link", name=re.compile("^isles 2"))).to_be_visible()
    sound(one, axe)
    health.get_by_role("link", name=re.compile("^Processes")).click()
    expect(page.get_by_role("heading", name="Processes")).to_be_visible()


def test_what_fails_is_told_on_the_first_page(desk: ConsoleDesk, one: Opened) -> None:
    page = one.page
    dead = {"items": [{"id": "7", "name": "shop.receipt", "error": "The printer is out of paper."}], "next": None}
    page.route("**/api/jobs?state=dead*", lambda route: route.fulfill(json=dead))
    page.route("**/api/metrics/collections", lambda route: route.fulfill(status=403, json={"message": "Not for you."}))
    desk.open(page, "/")
    expect(region(page, "What fails").get_by_role("link", name=re.compile("shop.receipt"))).to_have_attribute(
        "href", "/_/jobs?state=dead&job=7"
    )
    expect(region(page, "Collections").get_by_role("alert")).to_contain_text("Not for you.")
    expect(region(page, "Collections").get_by_role("link", name=re.compile("^isles"))).to_be_visible()
