"""Files as pictures, in a real browser: looked for by eye, in the sizes that the server makes of them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from console_desk import ConsoleDesk, console_desk
from files_shelf import PNG
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    with console_desk(served) as desk:
        pictures = {"name": "views", "type": "file", "maxSelect": 3, "thumbs": ["40x20"]}
        desk.define("albums", [pictures, {"name": "letter", "type": "file", "protected": True}])
        files = [("views", ("sea.png", PNG, "image/png")), ("letter", ("note.txt", b"Dear all", "text/plain"))]
        desk.client.post("/collections/albums/records", files=files).raise_for_status()
        yield desk


@pytest.fixture
def one(opened: Callable[..., Opened]) -> Opened:
    return opened("status of 40", viewport={"width": 1440, "height": 900})


def test_files_are_shown_as_pictures_and_those_that_are_none_by_their_ending(
    desk: ConsoleDesk, one: Opened, axe: str
) -> None:
    page = desk.open(one.page, "/files?collection=albums")
    page.get_by_role("button", name="Pictures").click()
    tiles = page.get_by_role("list", name="Files as pictures").get_by_role("listitem")
    expect(tiles).to_have_count(2)
    expect(tiles.filter(has_text="note").locator("span").first).to_contain_text("txt")
    expect(page).to_have_url(f"{desk.served.url}/_/files?collection=albums&as=pictures")
    assert one.faults(axe) == []
    one.page.emulate_media(color_scheme="dark")
    assert one.faults(axe, of_colours=True) == []


def test_a_picture_is_seen_in_each_size_that_the_server_makes(desk: ConsoleDesk, one: Opened, axe: str) -> None:
    page = desk.open(one.page, "/files?collection=albums&as=pictures")
    page.get_by_role("listitem").filter(has_text="sea").get_by_role("button").click()
    links = page.get_by_role("dialog").get_by_role("region", name="Links")
    links.get_by_label("Made smaller").select_option("40x20")
    expect(links.get_by_role("img")).to_have_js_property("naturalWidth", 40)
    assert one.faults(axe) == []


def test_a_link_to_a_protected_file_says_that_it_ends(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/files?collection=albums&as=pictures")
    page.get_by_role("listitem").filter(has_text="note").get_by_role("button").click()
    expect(page.get_by_role("region", name="Links")).to_contain_text("for a few minutes")


def test_an_open_file_is_part_of_the_address_and_is_found_again_beyond_the_list(desk: ConsoleDesk, one: Opened) -> None:
    page = desk.open(one.page, "/files?collection=albums")
    page.get_by_role("button", name="sea").click()
    sheet = page.get_by_role("dialog").filter(has=page.get_by_role("heading", name="sea"))
    expect(sheet).to_be_visible()
    page.goto(page.url.replace("collection=albums", "name=nothing-like-it"))
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("No file is like that.")).to_be_visible()
    expect(page).to_have_url(f"{desk.served.url}/_/files?name=nothing-like-it")
