"""The diagram draws the folders of collections, and takes new relations: by the mouse, and by keys in its list."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
TITLE = {"name": "title", "type": "text"}


@pytest.fixture
def desk(served: Served) -> Iterator[ConsoleDesk]:
    """Books and shops far from each other, and what is read of books."""
    with console_desk(served) as made:
        made.define("shops", [TITLE])
        made.define("books", [TITLE])
        made.define("reading", [], type="view", viewQuery="SELECT id, title FROM books")
        ids = {name: made.client.get(f"/collections/{name}").json()["id"] for name in ("books", "shops", "reading")}
        places = {ids["books"]: {"x": 0, "y": 0}, ids["shops"]: {"x": 600, "y": 0}, ids["reading"]: {"x": 0, "y": 400}}
        assert made.client.put("/console/layouts/diagram", json={"positions": places}).status_code == 204
        yield made


@pytest.fixture
def page(opened: Callable[..., Opened]) -> Page:
    return opened(viewport={"width": 1440, "height": 900}).page


def drag(page: Page, start: str, end: str) -> None:
    """Draw from the dot of a collection to the middle of another."""
    node = page.get_by_label(f"Collection {start}")
    node.hover()
    dot = node.locator(".draws").bounding_box()
    goal = page.get_by_label(f"Collection {end}").bounding_box()
    assert dot
    assert goal
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    page.mouse.down()
    page.mouse.move(goal["x"] + goal["width"] / 2, goal["y"] + goal["height"] / 2, steps=8)
    page.mouse.up()


def test_a_relation_that_is_drawn_waits_in_the_draft_and_is_applied_by_its_plan(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/_/diagram")
    drag(page, "books", "shops")
    expect(page.get_by_text("books.shops waits in the draft")).to_be_visible()
    expect(page.locator(".svelte-flow__edge.waits")).to_have_count(1)
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text("Add the field books.shops")
    plan.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Applied the plan")).to_be_visible()
    fields = desk.client.get("/collections/books").json()["fields"]
    (made,) = [one for one in fields if one["name"] == "shops"]
    assert (made["type"], made["collectionId"]) == ("relation", desk.client.get("/collections/shops").json()["id"])


def test_nothing_is_drawn_from_a_view_or_to_one(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/_/diagram")
    expect(page.get_by_label("Collection reading")).to_be_visible()
    expect(page.get_by_label("Collection reading").locator(".draws")).to_have_count(0)
    drag(page, "books", "reading")
    drag(page, "books", "shops")
    expect(page.locator(".svelte-flow__edge.waits")).to_have_count(1)
    expect(page.get_by_text("books.shops waits in the draft")).to_be_visible()


def test_the_list_relates_collections_by_keys(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/_/diagram?as=list")
    page.get_by_role("button", name="Relate to… from shops").press("Enter")
    page.get_by_role("menuitem", name="books").press("Enter")
    expect(page.get_by_role("row", name="shops").get_by_text("books waits in the draft")).to_be_visible()


def test_a_folder_is_the_ground_of_its_collections(desk: ConsoleDesk, page: Page) -> None:
    ids = [desk.client.get(f"/collections/{name}").json()["id"] for name in ("books", "shops")]
    folder = {"id": "trade", "name": "Trade", "collections": ids}
    kept = desk.client.put("/console/layouts/folders", json={"folders": [folder]})
    assert kept.status_code == 200, kept.text
    desk.open(page, "/data/_/diagram")
    ground = page.locator(".svelte-flow__node-folder")
    expect(ground).to_have_text("Trade")
    around, inside = ground.bounding_box(), page.get_by_label("Collection shops").bounding_box()
    assert around
    assert inside
    assert around["x"] < inside["x"]
    assert inside["x"] + inside["width"] < around["x"] + around["width"]
    assert inside["y"] + inside["height"] < around["y"] + around["height"]
    desk.client.put("/console/layouts/folders", json={"folders": []})
