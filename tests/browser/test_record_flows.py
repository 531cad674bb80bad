"""A record and what stands beside it: its JSON as a tree, its files on their way, what it points at, lists by key."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
META = {"tags": ["red", "blue"], "many": list(range(250)), "a key": None}
FIELDS = [
    {"name": "title", "type": "text", "presentable": True},
    {"name": "grade", "type": "number", "nullable": True},
    {"name": "label", "type": "relation", "collectionId": "labels"},
    {"name": "scan", "type": "file", "maxSelect": 1, "maxSize": 20_000_000},
    {"name": "meta", "type": "json"},
]
SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 60_000}


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    """Forty labels, and three papers."""
    with console_desk(served) as made:
        made.define("labels", [{"name": "name", "type": "text", "presentable": True}])
        made.define("papers", FIELDS)
        made.make("labels", *[{"name": f"Label {n:02}"} for n in range(40)])
        first = {"title": "First", "grade": 3, "meta": META}
        made.make("papers", first, {"title": "", "grade": None}, {"title": "Third", "grade": 5})
        yield made


@pytest.fixture
def one(opened: Callable[..., Opened]) -> Opened:
    """A page on which the server may refuse what is sent."""
    return opened("the server responded with a status of 4", viewport={"width": 1440, "height": 900})


@pytest.fixture
def page(one: Opened) -> Page:
    return one.page


def paper(desk: ConsoleDesk, title: str) -> dict[str, Any]:
    (found,) = desk.records("papers", filter=f"title = '{title}'", expand="label")
    return found


def test_who_closes_a_record_that_was_opened_by_its_address_is_in_the_grid(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, f"/data/papers?record={paper(desk, 'First')['id']}")
    expect(page.locator("#record-title")).to_have_value("First")
    page.reload()
    expect(page.locator("#record-title")).to_have_value("First")
    page.get_by_role("button", name="Close").first.click()
    expect(page.get_by_role("grid")).to_be_focused()


def test_a_record_is_opened_and_closed_without_its_list_being_read_again(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/papers")
    grid = page.get_by_role("grid")
    expect(grid.get_by_text("Third")).to_be_visible()
    expect(page.get_by_label("Status", exact=True)).to_contain_text(" rows")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(2):
        grid.get_by_text(paper(desk, "Third")["id"]).click()
        expect(page.locator("#record-title")).to_have_value("Third")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert [url for url in asked if "/papers/records?" in url] == []


def test_json_is_a_tree_of_which_what_is_folded_is_not_in_the_page(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = one.page
    desk.open(page, f"/data/papers?record={paper(desk, 'First')['id']}")
    page.get_by_role("group", name="Show meta as").get_by_role("button", name="Tree").click()
    tree = page.get_by_role("tree", name="The tree of meta")
    expect(tree.get_by_role("treeitem")).to_have_count(4)
    many = tree.get_by_role("treeitem", name="many [ 250 ]")
    many.click()
    expect(tree.get_by_role("treeitem", name="Show 100 of 150 more")).to_be_visible()
    many.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem", name='1 "blue"')).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(tree.get_by_role("button", name="Copy the path meta.tags.0")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copied meta.tags.0")).to_be_visible()
    assert one.faults(axe) == []


def test_files_that_take_a_while_say_how_much_has_gone_and_can_be_stopped(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, f"/data/papers?record={paper(desk, 'Third')['id']}")
    page.locator("#record-scan").set_input_files(
        {"name": "a.bin", "mimeType": "application/x-thing", "buffer": b"x" * 3_000_000}
    )
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", SLOW)
    page.get_by_role("button", name="Save record").click()
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()
    expect(page.get_by_text("of 2.9 MB sent")).to_be_visible()
    expect(page.locator("#record-form")).to_have_attribute("inert", "")  # what was written now would not be sent
    page.get_by_role("button", name="Stop the upload").click()
    expect(page.get_by_text("nothing is saved")).to_be_visible()
    assert paper(desk, "Third")["scan"] == ""
    line.send("Network.emulateNetworkConditions", {**SLOW, "uploadThroughput": -1})
    page.get_by_role("button", name="Save record").click()
    expect(page.get_by_text("Saved the record")).to_be_visible()
    assert paper(desk, "Third")["scan"].endswith(".bin")


def test_what_was_picked_of_late_is_offered_first_and_what_is_not_there_is_made(desk: ConsoleDesk, page: Page) -> None:
    id = paper(desk, "First")["id"]
    desk.open(page, f"/data/papers?record={id}")
    box = page.locator("#record-label")
    box.fill("label 33")
    expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    page.get_by_role("option", name="Label 33").click()
    page.get_by_role("button", name="Take Label 33 out").click()
    box.focus()
    box.press("ArrowDown")
    expect(page.get_by_role("option").first).to_contain_text("picked of late")
    expect(page.get_by_text("40 there, the first 20 are shown")).to_be_visible()
    box.fill("Urgent")
    page.get_by_role("option", name="Make “Urgent”").click()
    made = page.get_by_role("dialog", name="New record")
    expect(made.locator("#over-name")).to_have_value("Urgent")
    made.get_by_role("button", name="Create record").click()
    page.get_by_role("button", name="Save record").click()
    expect(page.get_by_text("Saved the record")).to_be_visible()
    assert paper(desk, "First")["expand"]["label"]["name"] == "Urgent"


def test_what_a_column_holds_is_counted_with_what_is_empty_and_null(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/papers")
    page.get_by_role("button", name="grade: Number").click()
    page.get_by_role("menuitem", name="Count values…").click()
    sheet = page.get_by_role("dialog", name="Values of grade")
    expect(sheet.get_by_role("term").filter(has_text="Null").locator("+ dd")).to_have_text("1")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="title: Text").click()
    page.get_by_role("menuitem", name="Count values…").click()
    sheet = page.get_by_role("dialog", name="Values of title")
    expect(sheet.get_by_role("term").filter(has_text="Empty").locator("+ dd")).to_have_text("1")


def test_fields_for_an_import_are_planned_anew_where_somebody_else_has_made_one(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/labels?transfer=import")
    sheet = page.get_by_role("dialog", name="Import")
    content = b"name,Colour,Size\nBig,red,5\n"
    sheet.get_by_label("File", exact=True).set_input_files({"name": "l.csv", "mimeType": "text/csv", "buffer": content})
    sheet.get_by_role("button", name="Next: columns").click()
    sheet.get_by_role("button", name="Make 2 fields").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text('ADD COLUMN "Colour"')
    now = desk.client.get("/collections/labels").json()
    others = [*now["fields"], {"name": "Colour", "type": "text"}]
    desk.client.patch("/collections/labels", json={"fields": others}).raise_for_status()
    plan.get_by_role("button", name="Apply").click()
    expect(plan).to_contain_text("your change is laid over them as they are now")
    expect(plan).to_contain_text('ADD COLUMN "Size"')
    expect(plan).not_to_contain_text('ADD COLUMN "Colour"')
    plan.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Applied the plan")).to_be_visible()
    expect(sheet).to_contain_text("Somebody else has made Colour in the meantime.")
    expect(sheet.get_by_label("Field for Colour")).to_have_value("Colour")
    expect(sheet.get_by_label("Field for Size")).to_have_value("Size")


def test_rows_of_a_list_are_reached_by_keys_that_the_sheet_of_shortcuts_shows(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/users/_superusers")
    row = page.get_by_role("table").get_by_role("row").nth(1)
    expect(row).to_be_visible()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Shortcuts")
    expect(keys.get_by_text("Next row")).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("j")
    expect(row.get_by_role("button").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Find", exact=True)).to_be_focused()
    desk.go(page, "/data/papers")
    expect(page.get_by_role("gridcell", name="First")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected").first).to_be_visible()
