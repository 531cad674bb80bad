"""What the grid does beyond one page of records: large changes as jobs of the server, columns of related records."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
MANY = 1_200
FIELDS = [
    {"name": "title", "type": "text", "presentable": True},
    {"name": "n", "type": "number"},
    {"name": "shelf", "type": "relation", "collectionId": "grid_shelves"},
    {"name": "readers", "type": "relation", "collectionId": "grid_shelves", "maxSelect": 50},
]
SHELVES = [{"name": "name", "type": "text", "presentable": True}, {"name": "floor", "type": "number"}]


@pytest.fixture(scope="module")
def library(served: Served) -> Iterator[httpx.Client]:
    """Shelves, and the books that stand in them."""
    with httpx.Client(base_url=f"{served.url}/api", timeout=60) as client:
        body = {"identity": served.email, "password": served.password}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        client.post(
            "/collections", json={"id": "grid_shelves", "name": "grid_shelves", "fields": SHELVES}
        ).raise_for_status()
        client.post(
            "/collections", json={"id": "grid_books", "name": "grid_books", "fields": FIELDS}
        ).raise_for_status()
        yield client
        for name in ("grid_needs", "grid_books", "grid_shelves"):
            client.delete(f"/collections/{name}")


def filled(library: httpx.Client, count: int) -> None:
    """So many books, and no others."""
    library.post("/collections/grid_books/records/bulk", json={"where": {}, "delete": True}).raise_for_status()
    lines = "".join(json.dumps({"title": f"Book {n:04}", "n": n}) + "\n" for n in range(count))
    library.post("/collections/grid_books/records/import?format=ndjson", content=lines).raise_for_status()


@pytest.fixture
def console(served: Served, opened: Callable[..., Opened]) -> Callable[..., Page]:
    """Opens a screen of the console, logged in."""

    def open_screen(path: str, expected: str = "") -> Page:
        page = opened(expected, viewport={"width": 1440, "height": 900}).page
        page.goto(f"{served.url}/_{path}")
        page.get_by_label("Email").fill(served.email)
        page.get_by_label("Password", exact=True).fill(served.password)
        page.get_by_role("button", name="Sign in").click()
        return page

    return open_screen


def test_more_than_a_thousand_records_are_deleted_by_a_job_whose_report_outlives_a_reload(
    library: httpx.Client, console: Callable[..., Page]
) -> None:
    filled(library, MANY)
    needed = library.get("/collections/grid_books/records", params={"filter": "n = 7"}).json()["items"][0]["id"]
    relation = {"name": "book", "type": "relation", "collectionId": "grid_books", "required": True}
    library.post("/collections", json={"name": "grid_needs", "fields": [relation]}).raise_for_status()
    library.post("/collections/grid_needs/records", json={"book": needed}).raise_for_status()
    page = console("/data/grid_books")
    page.get_by_label("Select all loaded rows").check()
    page.get_by_role("button", name="Select all 1,200").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    sheet = page.get_by_role("dialog", name="Delete records")
    expect(sheet.get_by_text("1,200 records will be deleted")).to_be_visible()
    expect(sheet).to_contain_text("1 of grid_needs point here by book: they need what they point at")
    go_on = sheet.get_by_role("button", name="Delete 1,200 records")
    expect(go_on).to_be_disabled()
    sheet.get_by_label("Write grid_books to go on").fill("grid_books")
    go_on.click()
    report = page.get_by_role("dialog", name="Delete records of grid_books")
    expect(report.get_by_text("Deleted 1,199 of 1,200 records of grid_books: 1 failed")).to_be_visible(timeout=60_000)
    page.reload()
    expect(report.get_by_role("row", name="found 1,200")).to_be_visible()
    report.get_by_role("button", name=needed).click()
    expect(page.get_by_role("dialog", name="Book 0007")).to_be_visible()
    library.delete("/collections/grid_needs").raise_for_status()


def test_what_came_of_a_large_change_is_told_on_whatever_page_one_is(
    library: httpx.Client, console: Callable[..., Page]
) -> None:
    filled(library, 30)
    body = {"where": {}, "set": {"n": 5}}
    id = library.post("/collections/grid_books/bulks", json=body).json()["id"]
    page = console("/")
    expect(page.get_by_role("link", name="Home").first).to_be_visible()
    # As if the page had seen it run before it is loaded anew: said to the new one, since the old one writes there, too.
    watched = json.dumps([[id, ["bulk", "grid_books"]]])
    page.add_init_script(f"sessionStorage.setItem('holdfast.tasks', {json.dumps(watched)})")
    page.reload()
    expect(page.get_by_text("Changed 30 records of grid_books")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Report").click()
    report = page.get_by_role("dialog", name="Change records of grid_books")
    expect(report.get_by_role("row", name="done 30")).to_be_visible()


def test_a_field_of_a_related_record_is_a_column_which_address_and_view_keep(
    library: httpx.Client, console: Callable[..., Page]
) -> None:
    filled(library, 3)
    books = library.get("/collections/grid_books/records", params={"sort": "n"}).json()["items"]
    shelves = [
        library.post("/collections/grid_shelves/records", json={"name": f"Shelf {n}", "floor": n}).json()["id"]
        for n in (7, 3)
    ]
    for book, shelf in zip(books, shelves, strict=False):
        changes = {"shelf": shelf, "readers": shelves}
        library.patch(f"/collections/grid_books/records/{book['id']}", json=changes).raise_for_status()
    page = console("/data/grid_books")
    page.get_by_role("button", name="shelf: Relation").click()
    page.get_by_role("menuitem", name="Show fields of it…").click()
    box = page.get_by_role("dialog", name="Fields")
    box.get_by_role("checkbox", name="shelf.floor").check()
    box.get_by_label("Find a field").fill("readers.name")
    box.get_by_role("checkbox", name="readers.name").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("gridcell", name="Shelf 7, Shelf 3").first).to_be_visible()
    page.get_by_role("button", name="shelf.floor: Number").click()
    page.get_by_role("menuitem", name="Sort descending").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Book 0000")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(page.get_by_role("columnheader", name="shelf.floor")).to_be_visible()
    expect(page.get_by_role("gridcell", name="7", exact=True)).to_have_attribute("aria-readonly", "true")
    assert [url for url in asked if "/collections/grid_shelves/" in url] == []
    page.get_by_role("button", name="shelf.floor: Number").click()
    page.get_by_role("menuitem", name="Take the column away").click()
    expect(page.get_by_role("columnheader", name="shelf.floor")).to_have_count(0)
    expect(page.get_by_role("columnheader", name="readers.name")).to_be_visible()


def test_buttons_print_the_keys_that_somebody_has_chosen(library: httpx.Client, console: Callable[..., Page]) -> None:
    page = console("/data/grid_books")
    expect(page.get_by_role("button", name="New record n", exact=True)).to_be_visible()
    page.evaluate("localStorage.setItem('holdfast.keys', JSON.stringify({new: 'y', palette: ''})); location.reload()")
    expect(page.get_by_role("button", name="New record y", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Jump to…", exact=True)).to_be_visible()
    page.keyboard.press("y")
    expect(page.get_by_role("dialog", name="New record")).to_be_visible()


def test_pages_take_the_place_of_one_long_list_for_who_wants_them(
    library: httpx.Client, console: Callable[..., Page]
) -> None:
    filled(library, 130)
    page = console("/data/grid_books?sort=n")
    page.get_by_role("button", name="Fields", exact=False).click()
    page.get_by_role("dialog", name="Fields").get_by_label("Rows").select_option("50")
    page.keyboard.press("Escape")
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages).to_contain_text("1–50 of 130")
    pages.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("gridcell", name="Book 0050", exact=True)).to_be_visible()
    expect(page.get_by_role("gridcell", name="Book 0049", exact=True)).to_have_count(0)
    page.keyboard.press("Alt+PageDown")
    expect(pages).to_contain_text("101–130 of 130")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "31")
    page.get_by_label("Select all loaded rows").check()
    expect(page.get_by_label("Status", exact=True)).to_contain_text("30 selected")
    page.reload()
    expect(page.get_by_role("gridcell", name="Book 0101", exact=True)).to_be_visible()
    pages.get_by_label("Page", exact=True).fill("1")
    pages.get_by_label("Page", exact=True).press("Enter")
    expect(page.get_by_role("gridcell", name="Book 0000", exact=True)).to_be_visible()
    page.goto(f"{page.url.split('/_/')[0]}/_/data/grid_books?sort=n&page=3&rows=25")
    expect(pages).to_contain_text("51–75 of 130")


def test_many_related_records_are_chosen_from_a_table_and_put_in_order(
    library: httpx.Client, console: Callable[..., Page]
) -> None:
    filled(library, 1)
    library.post("/collections/grid_shelves/records/bulk", json={"where": {}, "delete": True}).raise_for_status()
    lines = "".join(json.dumps({"name": f"Shelf {n:02}", "floor": n}) + "\n" for n in range(30))
    library.post("/collections/grid_shelves/records/import?format=ndjson", content=lines).raise_for_status()
    book = library.get("/collections/grid_books/records").json()["items"][0]["id"]
    page = console(f"/data/grid_books?record={book}")
    sheet = page.get_by_role("dialog", name="Book 0000")
    sheet.get_by_role("button", name="Choose from a table of grid_shelves").last.click()
    table = page.get_by_role("dialog", name="Choose for readers")
    expect(table).to_contain_text("1–20 of 30")
    table.get_by_role("button", name="floor").click()
    table.get_by_role("button", name="floor").click()
    expect(table.get_by_role("row").nth(1)).to_contain_text("Shelf 29")
    table.get_by_role("checkbox", name="Choose Shelf 29").check()
    table.get_by_role("button", name="Next page").click()
    table.get_by_role("checkbox", name="Choose Shelf 00").check()
    box = table.get_by_role("combobox", name="Filter", exact=True)
    box.fill("floor = 7")
    box.press("Enter")
    table.get_by_role("checkbox", name="Choose Shelf 07").check()
    expect(table).to_contain_text("3 chosen")
    table.get_by_role("button", name="Take them").click()
    chips = sheet.get_by_role("listitem").filter(has_text="Shelf")
    expect(chips).to_contain_text(["Shelf 29", "Shelf 00", "Shelf 07"])
    sheet.get_by_role("img", name="Drag Shelf 07 to another place").drag_to(chips.nth(0))
    expect(chips).to_contain_text(["Shelf 07", "Shelf 29", "Shelf 00"])
    sheet.get_by_role("button", name="Move Shelf 29 down").click()
    expect(chips).to_contain_text(["Shelf 07", "Shelf 00", "Shelf 29"])
    sheet.get_by_role("button", name="Save record").click()
    expect(page.get_by_text("Saved the record")).to_be_visible()
    readers = library.get(f"/collections/grid_books/records/{book}", params={"expand": "readers"}).json()
    assert [one["name"] for one in readers["expand"]["readers"]] == ["Shelf 07", "Shelf 00", "Shelf 29"]


def test_a_record_says_who_else_has_it_open_and_writes_in_it(
    library: httpx.Client, served: Served, console: Callable[..., Page]
) -> None:
    filled(library, 1)
    book = library.get("/collections/grid_books/records").json()["items"][0]["id"]
    key = library.post("/keys", json={"name": "Ilya", "superuser": True}).json()
    here = {"collection": "grid_books", "record": book, "page": "the page of Ilya", "writes": True}
    with httpx.Client(base_url=f"{served.url}/api", headers={"X-API-Key": key["key"]}) as ilya:
        ilya.put("/console/presence", json=here).raise_for_status()
        page = console(f"/data/grid_books?record={book}")
        sheet = page.get_by_role("dialog", name="Book 0000")
        expect(sheet.get_by_text("Ilya has changes here that are not saved.")).to_be_visible()
        sheet.locator("#record-n").fill("8")
        sheet.locator("#record-n").press("Tab")
        deadline = time.monotonic() + 30
        others: list[dict[str, Any]] = []
        while [one["writes"] for one in others] != [True]:
            assert time.monotonic() < deadline, others
            page.wait_for_timeout(50)
            others = ilya.put("/console/presence", json={**here, "writes": False}).json()["items"]
        ilya.delete("/console/presence/the page of Ilya").raise_for_status()
    expect(sheet.get_by_text("Ilya", exact=False)).to_have_count(0)
    library.delete(f"/keys/{key['id']}")
