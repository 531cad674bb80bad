"""Writing by keys: conditions of the filter, cells in a box of their own, and what is thrown away by mistake."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
FIELDS = [
    {"name": "title", "type": "text", "presentable": True},
    {"name": "depth", "type": "number"},
    {"name": "harbour", "type": "relation", "collectionId": "harbours"},
    {"name": "extra", "type": "json"},
]
BOATS = [{"title": f"Boat {n}", "depth": n, "extra": {"n": n}} for n in range(8)]


@pytest.fixture
def desk(served: Served) -> Iterator[ConsoleDesk]:
    """Eight boats, which are new for each test, and two harbours."""
    with console_desk(served) as made:
        made.define("harbours", [{"name": "name", "type": "text", "presentable": True}])
        made.define("boats", FIELDS, listRule="@request.auth.roles ?= 'pilot'")
        first, _ = made.make("harbours", {"name": "Amsterdam"}, {"name": "Bergen"})
        made.make("boats", *[{**one, "harbour": first} for one in BOATS])
        yield made


@pytest.fixture
def page(opened: Callable[..., Any]) -> Page:
    """A page on which the server may refuse what is sent."""
    return opened("the server responded with a status of 4", viewport={"width": 1440, "height": 900}).page


def cell(page: Page, title: str, column: int) -> Locator:
    return page.get_by_role("row").filter(has_text=title).get_by_role("gridcell").nth(column)


def test_a_condition_that_became_a_token_leaves_room_for_the_next(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/boats")
    condition = page.get_by_role("combobox", name="Filter")
    for text in ("depth > 3", "depth < 6"):
        condition.fill(text)
        condition.press("Enter")
        expect(page.get_by_role("button", name=f"Edit the condition {text}")).to_be_visible()
        expect(condition).to_have_value("")
    expect(page.get_by_label("Status", exact=True)).to_contain_text("2 rows")
    condition.press("Backspace")
    expect(condition).to_have_value("depth < 6")


def test_json_and_a_relation_are_written_in_their_cells_by_keys_alone(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/boats")
    cell(page, "Boat 3", 5).click()
    page.keyboard.press("Enter")
    written = page.get_by_role("dialog", name="Edit extra").get_by_role("textbox")
    expect(written).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("[7]")
    page.keyboard.press("Control+Enter")
    expect(cell(page, "Boat 3", 5)).to_have_text("[7]")
    cell(page, "Boat 3", 4).click()
    page.keyboard.press("Enter")
    looked_for = page.get_by_role("dialog", name="Edit harbour").get_by_role("combobox")
    expect(looked_for).to_be_focused()
    page.keyboard.type("Berg")
    expect(page.get_by_role("option", name="Bergen")).to_be_visible()
    expect(page.get_by_role("option", name="Amsterdam")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(cell(page, "Boat 3", 4)).to_have_text("Bergen")
    expect(page.get_by_role("grid")).to_be_focused()
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Saved 2 changes")).to_be_visible()
    (saved,) = desk.records("boats", filter="title = 'Boat 3'", expand="harbour")
    assert (saved["extra"], saved["expand"]["harbour"]["name"]) == ([7], "Bergen")


def test_what_does_not_fit_a_cell_is_said_beside_it_and_what_is_discarded_comes_back(
    desk: ConsoleDesk, page: Page
) -> None:
    desk.open(page, "/data/boats")
    depth = cell(page, "Boat 2", 3)
    depth.click()
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    said, place = page.get_by_role("alert").bounding_box(), depth.bounding_box()
    assert said is not None
    assert place is not None
    assert 0 <= said["y"] - (place["y"] + place["height"]) < place["height"]
    page.keyboard.press("Control+a")
    page.keyboard.type("42")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 unsaved change")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(depth).to_have_text("2")
    page.get_by_role("button", name="Undo").click()
    expect(depth).to_have_text("42")
    page.get_by_role("button", name="Discard").click()  # else who closes the page is asked


def test_a_try_of_an_import_tells_of_every_line_that_is_wrong(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/boats?transfer=import")
    sheet = page.get_by_role("dialog", name="Import")
    content = b"title,depth\nNew one,1\nNew two,many\nNew three,some\n"
    sheet.get_by_label("File", exact=True).set_input_files({"name": "b.csv", "mimeType": "text/csv", "buffer": content})
    sheet.get_by_role("button", name="Next: columns").click()
    sheet.get_by_role("button", name="Next: try it").click()
    expect(sheet).to_contain_text("2 of 3 lines are wrong; nothing is imported")
    wrong = sheet.get_by_role("region", name="What is wrong")
    expect(wrong).to_contain_text("many")
    expect(wrong).to_contain_text("some")
    go_on = sheet.get_by_role("button", name="Import", exact=True)
    expect(go_on).to_be_disabled()
    sheet.get_by_role("button", name="Leave out the lines that are wrong").click()
    go_on.click()
    expect(sheet).to_contain_text("Imported: 1 of 3 lines")
    assert [one["title"] for one in desk.records("boats", filter="title ~ 'New'")] == ["New one"]


def test_a_long_menu_stays_in_the_window_and_a_plan_names_the_fields(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/boats/schema")
    page.set_viewport_size({"width": 1440, "height": 600})
    page.get_by_role("button", name="Add a field").click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    placed = menu.bounding_box()
    assert placed is not None
    assert placed["y"] >= 0
    assert placed["y"] + placed["height"] <= 600
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Drop depth").click()
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan.get_by_label("Drop the field boats.depth: 7 values will be lost.")).to_be_visible()
    plan.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Discard").click()


def test_a_rule_for_a_role_is_chosen_in_words(desk: ConsoleDesk, page: Page) -> None:
    made = desk.client.post("/roles", json={"name": "harbour_master", "permissions": []})
    assert made.status_code == 200, made.text
    desk.open(page, "/data/boats/rules")
    listing = page.get_by_role("group", name="List")
    expect(listing.get_by_label("Role that List is for")).to_have_value("pilot")  # though there is none
    listing.get_by_label("Role that List is for").select_option("harbour_master")
    page.get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("Saved the rules")).to_be_visible()
    rule = desk.client.get("/collections/boats").json()["listRule"]
    assert rule == '@request.auth.roles ?= "harbour_master"'
    desk.client.delete(f"/roles/{made.json()['id']}").raise_for_status()


def test_the_tab_key_goes_from_a_cell_to_the_menu_of_its_column_and_then_out_of_the_grid(
    desk: ConsoleDesk, page: Page
) -> None:
    desk.open(page, "/data/boats")
    cell(page, "Boat 1", 3).click()
    grid = page.get_by_role("grid")
    expect(grid).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="depth: Number")).to_be_focused()
    page.keyboard.press("Tab")
    expect(grid.locator(":focus")).to_have_count(0)


def test_keys_with_shift_that_are_the_browsers_own_change_nothing(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/boats")
    cell(page, "Boat 2", 3).click()
    page.keyboard.press("Shift+ArrowDown")
    for keys in ("Control+Shift+d", "Control+Shift+x", "Control+Shift+a"):
        page.keyboard.press(keys)
    expect(page.get_by_text(re.compile("unsaved change|selected"))).to_have_count(0)
    page.keyboard.press("Control+d")
    expect(page.get_by_text("1 unsaved change")).to_be_visible()
