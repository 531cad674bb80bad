"""Parts of screens, in a real browser: rules, the diagram by keys, metrics of a time, SQL, lines, plans, about."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
LONG = '@request.auth.id != "" && (title = "one" || title = "two" || title = "three" || title = "four")'


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    with console_desk(served) as desk:
        desk.define("pages", [{"name": "title", "type": "text"}], viewRule=LONG)
        yield desk


@pytest.fixture
def one(opened: Callable[..., Opened]) -> Opened:
    return opened("status of 40", viewport={"width": 1440, "height": 900}, accept_downloads=True)


def faults(one: Opened, axe: str) -> list[str]:
    """What is wrong in the light theme, and with the colours of the dark one."""
    found = one.faults(axe)
    one.page.emulate_media(color_scheme="dark")
    found += one.faults(axe, of_colours=True)
    one.page.emulate_media(color_scheme="light")
    return found


def section(page: Page, name: str) -> str:
    """The text of a rule in its editor."""
    return page.get_by_label(f"{name} rule").input_value()


def test_a_rule_is_copied_formatted_and_compared_with_the_saved_one(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/data/pages/rules")
    page.get_by_role("button", name="Copy a rule to List").click()
    page.get_by_role("menuitem", name=re.compile("^View: ")).click()
    assert section(page, "List") == LONG
    page.get_by_role("group", name="List").get_by_role("button", name="Format").click()
    assert section(page, "List").splitlines()[0] == '@request.auth.id != ""'
    page.get_by_label("View rule").fill(LONG.replace("four", "five"))
    change = page.get_by_label("What is changed in View")
    expect(change.locator("del")).to_have_text('"four"')
    expect(change.locator("ins")).to_have_text('"five"')
    assert faults(one, axe) == []
    page.get_by_role("group", name="View").get_by_role("button", name="Take back").click()
    expect(change).to_be_hidden()
    page.get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("Saved the rules")).to_be_visible()
    kept = desk.client.get("/collections/pages").json()
    assert re.sub(r"\s+", " ", kept["listRule"]).replace("( ", "(").replace(" )", ")") == kept["viewRule"] == LONG


def test_the_diagram_is_arranged_by_keys_and_taken_along_as_a_picture(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/data/_/diagram")
    node = page.get_by_label("Collection pages")
    expect(node).to_be_visible()
    id = desk.client.get("/collections/pages").json()["id"]
    node.focus()
    with page.expect_response("**/api/console/layouts/diagram"):
        page.keyboard.press("ArrowRight")
    before = desk.client.get("/console/layouts/diagram").json()["positions"][id]
    with page.expect_response("**/api/console/layouts/diagram"):
        page.keyboard.press("Shift+ArrowDown")
    after = desk.client.get("/console/layouts/diagram").json()["positions"][id]
    assert (after["x"], after["y"]) == (before["x"], before["y"] + 96)
    expect(page.get_by_text(f"pages is at {after['x']:.0f}, {after['y']:.0f}")).to_be_attached()
    page.get_by_role("button", name="Take along").click()
    with page.expect_download() as taken:
        page.get_by_role("menuitem", name="Save as PNG").click()
    assert taken.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    expect(page.get_by_role("button", name="Take along")).to_be_focused()  # the menu has closed, and gives it back
    node.press("Enter")
    expect(page.get_by_role("button", name="Add a field")).to_be_visible()


def test_metrics_are_shown_of_a_time_that_the_address_keeps(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/observe/metrics?compare=1")
    expect(page.get_by_role("heading", name="Processes that answered just now")).to_be_visible()
    expect(page.get_by_text("Of the time before there is nothing.")).to_be_visible()
    expect(page.get_by_text("The server keeps steps of 1 min for 2 days")).to_be_visible()
    expect(page.get_by_text("good, before")).to_be_visible()
    assert faults(one, axe) == []
    page.get_by_role("button", name="1 h", exact=True).click()
    assert "range=1h" in page.url
    page.get_by_label("From").fill("2026-01-01T10:00:00")
    expect(page).to_have_url(re.compile("from=2026-01-01"))
    page.get_by_label("Until").fill("2026-01-01T11:00:00")
    expect(page.get_by_text("Of this time there is nothing yet.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Until")).to_have_value(re.compile("^2026-01-01T11:00"))
    page.get_by_role("button", name="15 min", exact=True).click()
    expect(page.get_by_text("Of this time there is nothing yet.")).to_be_hidden()
    row = page.get_by_role("region", name="Requests as a table").get_by_role("row")
    page.get_by_role("button", name="Show as table").first.click()
    expect(row.nth(1)).to_be_visible()


def write(page: Page, sql: str) -> None:
    statement = page.get_by_role("textbox", name="Statement")
    statement.click()
    page.keyboard.press("Control+a")
    page.keyboard.type(sql)
    expect(statement).to_contain_text(sql)


def test_a_query_is_saved_shared_and_opened_by_its_address(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/observe/sql")
    write(page, "SELECT 41 + 1 AS answer")
    page.get_by_role("button", name="Saved").click()
    sheet = page.get_by_role("dialog", name="Saved queries")
    sheet.get_by_label("Keep what stands in the editor").fill("The answer")
    sheet.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile("query="))
    page.reload()
    expect(page.get_by_role("textbox", name="Statement")).to_contain_text("41 + 1")
    page.get_by_role("textbox", name="Statement").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" -- why")
    expect(page.get_by_text("changed", exact=True)).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("cell", name="42")).to_be_visible()
    page.get_by_role("button", name="Saved").click()
    assert faults(one, axe) == []
    sheet.get_by_role("button", name="Share: The answer").click()
    expect(sheet.get_by_text("yours, for all")).to_be_visible()
    assert [found["shared"] for found in desk.client.get("/console/queries").json()["items"]] == [True]
    sheet.get_by_role("button", name="Delete The answer").click()
    page.get_by_role("dialog", name="Delete The answer?").get_by_role("button", name="Delete").click()
    expect(sheet.get_by_text("Nothing is saved yet.")).to_be_visible()


def test_a_long_answer_is_shown_in_parts_and_is_all_in_its_file(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/observe/sql")
    write(page, "SELECT n FROM generate_series(10001, 22000) AS n")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The first 10,000 rows")).to_be_visible()
    expect(page.get_by_role("cell", name="10500")).to_be_visible()
    expect(page.get_by_role("cell", name="10501")).to_have_count(0)
    page.get_by_role("button", name="Show 500 more").click()
    expect(page.get_by_role("cell", name="11000")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    assert taken.value.path().read_bytes().split() == [b"n", *(b"%d" % n for n in range(10001, 20001))]


def test_only_what_is_selected_of_a_statement_is_run(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/observe/sql")
    write(page, "SELECT 7 AS n, now()")
    page.keyboard.press("Home")
    for _ in range(len("SELECT 7")):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("cell", name="7", exact=True)).to_be_visible()
    expect(page.get_by_role("columnheader", name="now")).to_be_hidden()


def test_licences_and_diagnostics_are_told_without_secrets(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    mail = {"smtp": {"host": "mail.example.com", "username": "ada", "password": "a word nobody may read"}}
    desk.client.patch("/settings", json=mail).raise_for_status()
    page = desk.open(one.page, "/settings?section=about")
    page.get_by_role("button", name="Diagnostics…").click()
    bundle = page.get_by_label("The bundle")
    expect(bundle).to_contain_text('"libraries"')
    text = bundle.inner_text()
    assert faults(one, axe) == []
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a file").click()
    assert saved.value.path().read_text("utf-8") == text.rstrip("\n") + "\n"
    found = json.loads(text)
    assert found["settings"]["smtp"]["host"] == "(set)"
    # The name of the collection; routes of the server are called plugin-pages, too.
    secrets = ("nobody may read", "mail.example.com", '"pages"', "collections/pages")
    assert [secret for secret in secrets if secret in text] == []
    assert found["ready"]["database"] == "ok"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Licences").click()
    sheet = page.get_by_role("dialog", name="Licences")
    sheet.get_by_label("Find a library").fill("uplot")
    sheet.get_by_text("uplot").click()
    expect(sheet.get_by_text("Permission is hereby granted")).to_be_visible()
    sheet.get_by_label("Find a library").fill("asyncpg")
    expect(sheet.get_by_text("Apache")).to_be_visible()
    assert faults(one, axe) == []


@contextmanager
def listening(url: str, topics: str) -> Iterator[list[str]]:
    """A guest's open line, and what came over it."""
    heard: list[str] = []
    ready, done = threading.Event(), threading.Event()

    def listen() -> None:
        with httpx.stream("GET", f"{url}/api/realtime", params={"topics": topics}, timeout=60) as answer:
            for text in answer.iter_lines():
                heard.append(text)
                ready.set()
                if done.is_set():
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert ready.wait(30)
    yield heard
    done.set()


def test_a_line_is_explained_and_told_something(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    desk.define("news", [{"name": "title", "type": "text"}], listRule='title = "open"')
    shown, hidden = desk.make("news", {"title": "open"}, {"title": "closed"})
    with listening(desk.served.url, "news/*") as heard:
        page = desk.open(one.page, "/observe/realtime")
        page.get_by_role("button", name="Look into the line of guest").first.click()
        findings = page.get_by_role("dialog").get_by_label("Findings")
        page.get_by_label("Id of the record").fill(shown)
        page.get_by_role("button", name="Explain", exact=True).click()
        expect(findings).to_contain_text("It listens by news/*.")
        expect(findings).to_contain_text("The list rule lets guest see it")
        page.get_by_label("Id of the record").fill(hidden)
        page.get_by_role("button", name="Explain", exact=True).click()
        expect(findings).to_contain_text('The list rule does not let guest see it: title = "open"')
        assert faults(one, axe) == []
        page.get_by_label("Data, JSON").fill("{")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#line-data-wrong")).to_have_text("This is no JSON.")
        page.get_by_label("Data, JSON").fill('{"hello":"from the console"}')
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Sent the message")).to_be_visible()
        until(lambda: any("from the console" in text for text in heard))


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_plan_without_losses_is_taken_back_by_a_plan(desk: ConsoleDesk, one: Opened) -> None:
    desk.define("drafts", [{"name": "title", "type": "text"}])
    page = desk.open(one.page, "/data/drafts/schema")
    page.get_by_label("Note").fill("What is not finished")
    page.get_by_role("button", name="Review plan").click()
    sheet = page.get_by_role("dialog", name="Review plan")
    sheet.get_by_role("button", name="Apply").click()
    expect(page.get_by_text(re.compile(r"Applied the plan in [\d.]+ m?s"))).to_be_visible()
    assert desk.client.get("/collections/drafts").json()["comment"] == "What is not finished"
    page.get_by_role("button", name="Undo…").click()
    expect(sheet).to_contain_text("COMMENT ON TABLE")
    sheet.get_by_role("button", name="Apply").click()
    expect(sheet).to_be_hidden()
    assert desk.client.get("/collections/drafts").json()["comment"] == ""
    expect(page.get_by_label("Note")).to_have_value("")


def test_a_plan_says_how_long_it_takes_who_waits_and_what_it_breaks(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    desk.define("ledgers", [{"name": "title", "type": "text"}, {"name": "body", "type": "text"}])
    page = desk.open(one.page, "/data/ledgers/schema")
    page.get_by_role("button", name="Drop body").click()
    page.get_by_role("button", name="Review plan").click()
    sheet = page.get_by_role("dialog", name="Review plan")
    expect(sheet.get_by_test_id("estimate")).to_contain_text("under a second")
    expect(sheet.get_by_test_id("estimate")).to_contain_text("nobody reads or writes ledgers meanwhile")
    sheet.get_by_text("Breaks clients: 1 change").click()
    expect(sheet.get_by_text("ledgers.body: the field is gone")).to_be_visible()
    assert faults(one, axe) == []
