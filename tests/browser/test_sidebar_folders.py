"""Folders of collections in the sidebar, the SQL of a new collection, and what indexes cost, in a real browser."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
FOLDERS = "/console/layouts/folders"


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    with console_desk(served) as desk:
        desk.define(
            "parcels", [{"name": "title", "type": "text"}], indexes=["CREATE INDEX by_title ON parcels (title)"]
        )
        desk.define("stamps", [{"name": "title", "type": "text", "unique": True}])
        yield desk


@pytest.fixture
def one(opened: Callable[..., Opened]) -> Opened:
    return opened("status of 4", viewport={"width": 1440, "height": 900})


@pytest.fixture(autouse=True)
def _no_folders(desk: ConsoleDesk) -> Iterator[None]:
    yield
    keep(desk, [])


def keep(desk: ConsoleDesk, folders: list[dict[str, Any]]) -> None:
    desk.client.put(FOLDERS, json={"folders": folders}).raise_for_status()


def kept(desk: ConsoleDesk) -> list[tuple[str, list[str]]]:
    """The folders, with the names of their collections."""
    names = {found["id"]: found["name"] for found in desk.client.get("/collections?perPage=500").json()["items"]}
    folders = desk.client.get(FOLDERS).json()["folders"]
    return [(folder["name"], [names[id] for id in folder["collections"]]) for folder in folders]


def filed(desk: ConsoleDesk, name: str, *collections: str) -> dict[str, Any]:
    ids = [desk.client.get(f"/collections/{one}").json()["id"] for one in collections]
    return {"id": name.casefold(), "name": name, "collections": ids}


def sidebar(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Collections")


def choose(page: Page, button: str, item: str) -> None:
    """An action of a menu in the sidebar, by keys alone."""
    sidebar(page).get_by_role("button", name=button, exact=True).press("Enter")
    page.get_by_role("menuitem", name=item, exact=True).press("Enter")


def name_it(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill(name)
    page.keyboard.press("Enter")


def test_a_folder_is_made_filled_renamed_and_removed_by_keys(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/data/parcels")
    folder = sidebar(page).get_by_role("list", name="Shop")
    choose(page, "Folder of parcels", "New folder…")
    name_it(page, "Shop")
    expect(folder.get_by_role("link")).to_have_text([re.compile("parcels")])
    expect(sidebar(page).get_by_role("button", name="Folder of parcels")).to_be_focused()
    choose(page, "Folder of stamps", "Move to Shop")
    expect(folder.get_by_role("link")).to_have_count(2)
    assert kept(desk) == [("Shop", ["parcels", "stamps"])]
    choose(page, "Folder of parcels", "Take out of Shop")
    expect(folder.get_by_role("link")).to_have_text([re.compile("stamps")])
    choose(page, "Menu of the folder Shop", "Rename…")
    name_it(page, "Post")
    expect(sidebar(page).get_by_role("list", name="Post")).to_be_visible()
    assert one.faults(axe) == []
    choose(page, "Menu of the folder Post", "Remove, keep its collections")
    expect(sidebar(page).get_by_role("list", name="Post")).to_be_hidden()
    expect(sidebar(page).get_by_role("link", name="stamps")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(sidebar(page).get_by_role("list", name="Post").get_by_role("link")).to_have_text([re.compile("stamps")])
    assert kept(desk) == [("Post", ["stamps"])]


def test_folders_are_put_in_order_and_closed_and_have_names_of_their_own(desk: ConsoleDesk, one: Opened) -> None:
    keep(desk, [filed(desk, "Shop", "parcels", "stamps"), filed(desk, "Old")])
    page = desk.open(one.page, "/data/parcels")
    choose(page, "Menu of the folder Old", "Move up")
    expect(sidebar(page).get_by_role("button", name=re.compile("^Menu of the folder"))).to_have_count(2)
    expect(sidebar(page).get_by_role("button", name=re.compile("^Menu of the folder")).first).to_have_accessible_name(
        "Menu of the folder Old"
    )
    head = sidebar(page).get_by_role("heading", name="Shop").get_by_role("button")
    head.press("Enter")
    expect(head).to_have_attribute("aria-expanded", "false")
    page.reload()
    expect(sidebar(page).get_by_role("link", name="parcels")).to_be_visible()  # what is open stays in sight
    expect(sidebar(page).get_by_role("link", name="stamps")).to_be_hidden()
    sidebar(page).get_by_role("button", name="New folder").click()
    name_it(page, "shop")
    expect(page.get_by_text("Two folders have the name shop.")).to_be_visible()
    name_it(page, "Archive")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert [name for name, _ in kept(desk)] == ["Old", "Shop", "Archive"]


def test_what_somebody_else_did_to_the_folders_meanwhile_stays(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/data/parcels")
    expect(sidebar(page).get_by_role("link", name="parcels")).to_be_visible()
    theirs: list[dict[str, Any]] = [{"id": "theirs", "name": "Theirs", "collections": []}]

    def faster(route: Any) -> None:
        """Between what the page reads and what it writes."""
        if route.request.method == "PUT" and not kept(desk):
            keep(desk, theirs)
        route.continue_()

    page.route(f"**/api{FOLDERS}", faster)
    choose(page, "Folder of parcels", "New folder…")
    name_it(page, "Mine")
    expect(sidebar(page).get_by_role("list", name="Mine")).to_be_visible()
    expect(sidebar(page).get_by_role("list", name="Theirs")).to_be_visible()
    assert kept(desk) == [("Theirs", []), ("Mine", ["parcels"])]
    keep(desk, [])
    choose(page, "Folder of stamps", "Move to Theirs")
    expect(page.get_by_text("Somebody has removed this folder meanwhile.")).to_be_visible()


def test_on_a_phone_the_collections_are_shown_when_they_are_asked_for(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    keep(desk, [filed(desk, "Shop", "stamps")])
    one.page.set_viewport_size({"width": 390, "height": 800})
    page = desk.open(one.page, "/data/parcels")
    page.get_by_role("button", name="Collections").click()
    expect(sidebar(page).get_by_role("list", name="Shop")).to_be_visible()
    assert one.wider_than_the_window() == []
    assert one.faults(axe) == []
    sidebar(page).get_by_role("link", name="stamps").click()
    expect(page.get_by_role("heading", name="stamps")).to_be_visible()
    expect(sidebar(page)).to_be_hidden()


def test_a_new_collection_shows_the_sql_that_will_make_it(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/data/_/new?first=1")
    expect(page.get_by_text("It is shown when the collection has a name.")).to_be_visible()
    page.get_by_label("Name", exact=True).first.fill("letters")
    sql = page.get_by_role("region", name="SQL of the new collection")
    expect(sql).to_contain_text('CREATE TABLE public."letters"')
    fields = [
        {"name": "title", "type": "text", "required": True},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ]
    asked = {"method": "POST", "collection": "", "body": {"name": "letters", "fields": fields}}
    planned = desk.client.post("/collections/plan", json=asked).json()["steps"][0]["sql"]
    expect(sql).to_contain_text(planned)
    expect(sql).not_to_contain_text("TRIGGER")
    page.get_by_text("And what writes its events").click()
    expect(page.get_by_role("region", name="SQL of its events")).to_contain_text("CREATE TRIGGER")
    assert one.faults(axe) == []
    page.get_by_label("Name", exact=True).first.fill("stamps")
    expect(page.get_by_text("There is a collection of this name.")).to_be_visible()
    expect(sql).to_be_hidden()


def test_an_index_says_how_large_it_is_and_that_nobody_uses_it(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/data/parcels/schema")
    told = page.get_by_text("never used since the statistics began, and kept up by every write")
    expect(told).to_have_text(re.compile(r"^[\d.]+ [kK]?B, never used"))
    page.get_by_text(re.compile(r"^\d+ more, which the id, unique fields and Holdfast bring along")).click()
    expect(page.get_by_text(re.compile("^hf_pk_"))).to_be_visible()
    assert one.faults(axe) == []
