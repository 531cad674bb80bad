"""Collections that are defined in the console, and what is done with their records by its means alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
FIELDS = [
    {"name": "title", "type": "text", "presentable": True},
    {"name": "pages", "type": "number"},
    {"name": "sold", "type": "bool"},
    {"name": "shelf", "type": "relation", "collectionId": "shelves", "cascadeDelete": True},
    {"name": "cover", "type": "file", "maxSelect": 1},
    {"name": "extra", "type": "json"},
]


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    """Sixty shelves, and three books on the first of them."""
    with console_desk(served) as made:
        made.define("shelves", [{"name": "name", "type": "text", "presentable": True}])
        made.define("books", FIELDS, listRule="pages > 3", history=True)
        ids = made.make("shelves", *[{"name": f"Shelf {n:02}"} for n in range(60)])
        made.make("books", *[{"title": f"Book {n}", "pages": n, "shelf": ids[0]} for n in range(3)])
        yield made


@pytest.fixture
def page(desk: ConsoleDesk, opened: Callable[..., Opened]) -> Page:
    """A page on which the server may refuse what is sent."""
    return opened("status of 400", viewport={"width": 1440, "height": 900}).page


def paste(page: Page, text: str) -> None:
    """Put a text into the grid as a spreadsheet would."""
    page.get_by_role("grid").evaluate(
        "(grid, text) => { const clipboardData = new DataTransfer(); clipboardData.setData('text/plain', text);"
        " grid.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })) }",
        text,
    )


def define(page: Page, name: str, *relations: tuple[str, str]) -> None:
    """Make a collection in the console, with relations to others by their names."""
    page.get_by_role("link", name="New collection").click()
    page.get_by_label("Name", exact=True).first.fill(name)
    for field, target in relations:
        page.get_by_role("button", name="Add a field").click()
        page.get_by_role("menuitem", name="Relation relation").click()
        page.locator("[data-name]").fill(field)
        page.get_by_label("Points at").select_option(label=target)
    page.get_by_label("Anyone may read").check()
    page.get_by_role("button", name="Create collection").click()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def create(page: Page, title: str, **relations: str) -> None:
    """Make a record of the collection that is open."""
    page.get_by_role("button", name="New record").first.click()
    page.locator("#record-title").fill(title)
    for field, word in relations.items():
        page.locator(f"#record-{field}").fill(word)
        page.get_by_role("option").first.click()
    page.get_by_role("button", name="Create record").click()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("gridcell", name=title, exact=True)).to_be_visible()


def test_three_collections_that_point_at_each_other_are_an_api(desk: ConsoleDesk, page: Page) -> None:
    desk.open(page, "/data/books")
    desk.defined += ["artists", "albums", "tracks"]
    define(page, "artists")
    create(page, "Nina")
    define(page, "albums", ("artist", "artists"))
    create(page, "Pastel Blues", artist="ni")
    define(page, "tracks", ("album", "albums"))
    create(page, "Sinnerman", album="pastel")
    answer = desk.client.get(
        "/collections/tracks/records", params={"expand": "album.artist"}, headers={"Authorization": ""}
    )
    (track,) = answer.json()["items"]
    album: dict[str, Any] = track["expand"]["album"]
    assert (track["title"], album["title"], album["expand"]["artist"]["title"]) == ("Sinnerman", "Pastel Blues", "Nina")


@pytest.mark.long
def test_a_block_of_a_spreadsheet_goes_into_the_grid_and_its_columns_stay_as_they_were_put(
    desk: ConsoleDesk, page: Page
) -> None:
    desk.open(page, "/data/books?sort=pages")
    page.get_by_role("gridcell", name="Book 1", exact=True).click()
    paste(page, 'Pasted\t11\tyes\n"Two\nlines"\tmany\tno\n"A new\trow"\t13\ttrue\n')
    question = page.get_by_role("dialog", name="Make new rows?")
    expect(question).to_contain_text("1 of the 3 pasted lines")
    question.get_by_role("button", name="Make 1 row").click()
    expect(page.get_by_text("1 cell does not fit the column: mend the red ones before you save.")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.get_by_text("1 pasted cell does not fit the column: mend the red ones first.")).to_be_visible()
    page.get_by_role("gridcell", name="many").dblclick()
    page.get_by_label("pages", exact=True).fill("12")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save Ctrl S").click()
    expect(page.get_by_text("Saved 9 changes")).to_be_visible()
    found = [
        (one["title"], one["pages"], one["sold"]) for one in desk.records("books", sort="pages", filter="pages > 9")
    ]
    assert found == [("Pasted", 11, True), ("Two\nlines", 12, False), ("A new\trow", 13, True)]

    def choose(column: str, action: str) -> None:
        page.get_by_role("columnheader", name=column).get_by_role("button").click()
        page.get_by_role("menuitem", name=action, exact=True).click()

    choose("sold", "Hide")
    choose("pages", "Pin left")
    choose("shelf", "Move left")
    before = page.get_by_role("columnheader", name="title").bounding_box()
    choose("title", "Wider")
    choose("title", "Sort descending")
    expect(page.get_by_role("columnheader", name="title")).to_have_attribute("aria-sort", "descending")
    page.reload()
    heads = page.get_by_role("columnheader")
    expect(heads.nth(1)).to_contain_text("pages")
    assert [one.split("\n")[0] for one in heads.all_inner_texts()[1:]] == [
        "pages",
        "id",
        "shelf",
        "title",
        "cover",
        "extra",
    ]
    after = page.get_by_role("columnheader", name="title").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == before["width"] + 60
    expect(page.get_by_role("columnheader", name="title")).to_have_attribute("aria-sort", "descending")


def test_a_relation_is_looked_for_on_the_server_a_file_comes_and_goes_and_broken_json_is_told(
    desk: ConsoleDesk, page: Page
) -> None:
    (id,) = desk.make("books", {"title": "Held", "pages": 500})
    desk.open(page, f"/data/books?record={id}&filter=pages = 500")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/shelves/records" in request.url else None)
    page.locator("#record-shelf").fill("shelf 57")
    page.get_by_role("option", name="Shelf 57").click()
    assert asked
    assert all("perPage=20" in url for url in asked), "never all of them at once"
    page.locator("#record-cover").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": PNG})
    editor = page.get_by_role("textbox", name="extra, JSON")
    editor.fill('{"a": ')
    page.keyboard.press("Control+s")
    expect(page.locator("#record-extra-wrong")).to_contain_text("Not JSON")
    editor.fill('{"a": [1, 2]}')
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Saved the record")).to_be_visible()
    (made,) = desk.records("books", filter="pages = 500", expand="shelf")
    assert (made["extra"], made["expand"]["shelf"]["name"]) == ({"a": [1, 2]}, "Shelf 57")
    cell = page.get_by_role("gridcell", name=made["cover"])
    expect(cell.locator("img")).to_be_visible()
    cell.click()
    page.keyboard.press("Space")
    looked = page.get_by_role("dialog", name="cover, looked at")
    expect(looked.locator("img")).to_be_visible()
    page.keyboard.press("Escape")
    cell.dblclick()  # files are changed in the record
    page.get_by_role("button", name=f"Remove {made['cover']}").click()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("gridcell", name=made["cover"])).to_have_count(0)
    assert desk.records("books", filter="pages = 500")[0]["cover"] == ""


def test_a_related_record_opens_on_top_of_the_one_that_shows_it_and_goes_first(desk: ConsoleDesk, page: Page) -> None:
    (shelf,) = desk.make("shelves", {"name": "Lower"})
    (id,) = desk.make("books", {"title": "Stacked", "pages": 600, "shelf": shelf})
    desk.open(page, "/data/books?filter=pages = 600")
    grid = page.get_by_role("grid")
    grid.get_by_text(id).click()
    book = page.get_by_role("dialog", name="Stacked books")
    book.get_by_role("link", name="Lower").click()
    lower = page.get_by_role("dialog", name="Lower shelves")
    lower.get_by_label("name").fill("Upper")
    page.reload()
    expect(lower).to_contain_text("What you had not saved is here again.")
    expect(lower.get_by_label("name")).to_have_value("Upper")
    expect(page.locator("#record-title")).to_have_value("Stacked")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog")).to_have_count(1)
    expect(book.get_by_role("link", name="Upper")).to_be_visible()

    book.get_by_role("button", name="New record of shelves").click()
    fresh = page.get_by_role("dialog", name="New record shelves")
    fresh.get_by_label("name").fill("Made on top")
    fresh.get_by_role("button", name="Create record").click()
    expect(fresh).to_have_count(0)
    expect(book.get_by_role("link", name="Made on top")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.locator("[role=dialog]")).to_have_count(0)
    expect(grid.get_by_text("Made on top")).to_be_visible()
    (made,) = desk.records("books", filter="pages = 600", expand="shelf")
    assert made["expand"]["shelf"]["name"] == "Made on top"

    grid.get_by_text(id).click()
    book.get_by_role("link", name="Made on top").focus()
    page.keyboard.press("Enter")
    top = page.get_by_role("dialog", name="Made on top shelves")
    top.get_by_role("button", name="Related").click()
    expect(top.get_by_role("link", name="Stacked")).to_be_visible()
    page.keyboard.press("Escape")
    expect(top).to_have_count(0)
    expect(book.get_by_role("link", name="Made on top")).to_be_focused()
    book.get_by_role("button", name="JSON").focus()
    page.keyboard.press("]")
    expect(page.locator("[role=dialog]")).to_have_count(0)
    page.keyboard.press("]")
    expect(book).to_be_visible()
    page.set_viewport_size({"width": 880, "height": 800})
    box = book.bounding_box()
    assert box is not None
    assert box["width"] == 880


@pytest.mark.long
def test_an_index_is_made_by_a_plan_what_uses_a_field_is_told_and_a_delete_counts_what_goes_along(
    desk: ConsoleDesk, page: Page
) -> None:
    desk.open(page, "/data/books/schema?index=pages")
    expect(page.get_by_label("Name of index 1")).to_have_value("idx_books_pages")
    page.get_by_role("button", name="Add an index").click()
    page.get_by_role("checkbox", name="Unique").nth(1).check()
    page.get_by_role("button", name="Remove index 2").click()
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text("CREATE INDEX")
    plan.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Applied the plan")).to_be_visible()
    assert "idx_books_pages" in str(desk.client.get("/collections/books").json()["indexes"])
    page.get_by_role("button", name="pages", exact=True).click()
    expect(page.get_by_text("Used by")).to_be_visible()
    expect(page.get_by_text("pages > 3")).to_be_visible()

    desk.go(page, "/data/shelves?sort=name")
    page.get_by_role("checkbox", name="Select row 1", exact=True).check()
    page.get_by_role("checkbox", name="Select row 2", exact=True).check()
    page.get_by_role("button", name="Delete", exact=True).click()
    sheet = page.get_by_role("dialog", name="Delete records")
    expect(sheet).to_contain_text("2 records will be deleted")
    expect(sheet).to_contain_text("of books point here by shelf: they are deleted with them")
    before = len(desk.records("shelves", perPage=100))
    sheet.get_by_role("button", name="Delete 2 records").click()
    expect(page.get_by_text("Deleted 2 records")).to_be_visible()
    assert len(desk.records("shelves", perPage=100)) == before - 2

    made = desk.make("books", {"title": "Gone 1", "pages": 71}, {"title": "Gone 2", "pages": 72})
    desk.go(page, "/data/books?filter=pages > 70 %26%26 pages < 80")
    page.get_by_label("Select all loaded rows").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete 2 records").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Brought back 2 records")).to_be_visible()
    back = desk.records("books", filter="pages > 70 && pages < 80", sort="pages")
    assert [one["id"] for one in back] == made


@pytest.mark.long
def test_a_new_field_comes_filled_and_what_a_conversion_takes_is_seen_record_by_record(
    desk: ConsoleDesk, page: Page
) -> None:
    desk.define("notes", [{"name": "title", "type": "text"}, {"name": "size", "type": "text"}])
    large, _ = desk.make("notes", {"title": "Big Thing", "size": "about 3"}, {"title": "Small", "size": "4"})
    desk.open(page, "/data/notes/schema")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_role("menuitem", name="Text text").click()
    page.locator("[data-name]").fill("slug")
    page.get_by_label("Fill", exact=True).fill("lower(title) + 1")
    page.get_by_label("Fill", exact=True).press("Tab")
    page.get_by_role("button", name="Review plan").click()
    expect(page.get_by_text("PostgreSQL does not take it: operator").first).to_be_visible()
    page.get_by_label("Fill", exact=True).fill("lower(replace(title, ' ', '-'))")
    page.get_by_label("Fill", exact=True).press("Tab")
    page.get_by_role("button", name="size", exact=True).click()
    page.get_by_label("Type", exact=True).select_option("number")
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text("Fill the field notes.slug")
    plan.get_by_role("button", name="See records").click()
    lost = plan.get_by_role("table", name="What is lost of notes.size")
    expect(lost.get_by_role("row").nth(1)).to_have_text(f'{large}"about 3"0')
    plan.get_by_role("checkbox", name="1 value will be lost").check()
    plan.get_by_role("checkbox", name="Back up first").uncheck()
    plan.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Applied the plan")).to_be_visible()
    held = desk.records("notes", sort="title")
    assert [(one["slug"], one["size"]) for one in held] == [("big-thing", 0), ("small", 4)]


@pytest.mark.long
def test_a_collection_goes_to_the_trash_and_comes_back_or_is_deleted_for_good(desk: ConsoleDesk, page: Page) -> None:
    desk.define("papers", [{"name": "title", "type": "text"}])
    desk.make("papers", {"title": "Still here"})
    desk.open(page, "/data/papers/schema")
    for last in (False, True):
        page.get_by_role("button", name="Delete this collection…").click()
        plan = page.get_by_role("dialog", name="Review plan")
        for tick in plan.get_by_role("checkbox").all():
            tick.check()
        expect(plan.get_by_role("button", name="Apply")).to_be_disabled()
        plan.get_by_label("Write papers to go on").fill("papers")
        plan.get_by_role("checkbox").first.check()
        plan.get_by_role("button", name="Apply").click()
        expect(page.get_by_text("Deleted papers: it is in the trash").last).to_be_visible()
        page.get_by_role("link", name="Trash").click()
        row = page.get_by_role("row", name="papers Collection").first
        if last:
            row.get_by_role("button", name="Delete…").click()
            sure = page.get_by_role("dialog", name="Delete papers for good?")
            sure.get_by_role("textbox").fill("papers")
            sure.get_by_role("button", name="Delete").click()
            expect(page.get_by_text("Deleted papers for good")).to_be_visible()
            continue
        row.get_by_role("button", name="Bring back").click()
        page.get_by_role("button", name="Open", exact=True).click()
        expect(page.get_by_role("gridcell", name="Still here", exact=True)).to_be_visible()
        page.get_by_role("link", name="Schema", exact=True).click()
    assert desk.client.get("/collections/papers").status_code == 404
