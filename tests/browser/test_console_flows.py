"""The console in a real browser, on a real server: what an operator does with it, and what may go wrong meanwhile."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
MARKUP = "<img src=x onerror='window.hacked=1'>\u202eRTL 👩‍\u200d🚀"
FIELDS = [
    {"name": "title", "type": "text", "required": True},
    {"name": "status", "type": "select", "values": ["draft", "done"]},
    {"name": "views", "type": "number"},
    {"name": "author", "type": "relation", "collectionId": "writers"},
    {"name": "meta", "type": "json"},
]
SCREENS = {
    "records": "/data/articles",
    "record": "/data/articles?record=new",
    "schema": "/data/articles/schema",
    "rules": "/data/articles/rules",
    "api": "/data/articles/api",
    "new collection": "/data/_/new",
    "trash": "/data/_/trash",
    "filtered by tokens": "/data/articles?filter=views > 3 %26%26 (status = 'draft' || meta.n = 4)",
    "import": "/data/articles?transfer=import",
    "export": "/data/articles?transfer=export",
    "a field and what uses it": "/data/articles/schema?field=title",
    "diagram": "/data/_/diagram",
    "diagram as a list": "/data/_/diagram?as=list",
    "files": "/files",
    "all rules": "/access/rules",
    "keys": "/access/keys?key=new",
    "audit": "/audit",
    "settings": "/settings",
    "nowhere": "/no/such/screen",
}


@pytest.fixture(scope="module")
def root(served: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser, with 250 articles by two writers."""
    with httpx.Client(base_url=f"{served.url}/api", timeout=30) as client:
        body = {"identity": served.email, "password": served.password}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        names = [{"name": "name", "type": "text"}]
        client.post("/collections", json={"name": "writers", "fields": names}).raise_for_status()
        client.post("/collections", json={"name": "articles", "fields": FIELDS}).raise_for_status()
        writers = [client.post("/collections/writers/records", json={"name": n}).json()["id"] for n in ("Ann", "Bob")]
        for start in range(0, 250, 50):
            rows = [article(number, writers) for number in range(start, start + 50)]
            url = "/api/collections/articles/records"
            requests = [{"method": "POST", "url": url, "body": row} for row in rows]
            client.post("/batch", json={"requests": requests}).raise_for_status()
        client.post("/keys", json={"name": "wider-than-a-window" * 5}).raise_for_status()
        yield client
        for name in ("articles", "writers"):
            client.delete(f"/collections/{name}")


def article(number: int, writers: list[str]) -> dict[str, Any]:
    title = MARKUP if number == 0 else f"Article {number}"
    return {"title": title, "status": "draft", "views": number, "author": writers[number % 2], "meta": {"n": number}}


@pytest.fixture
def console(served: Served, root: httpx.Client, opened: Callable[..., Opened]) -> Callable[..., Page]:
    """Opens a screen of the console, logged in."""

    def open_screen(path: str, expected: str = "", **options: Any) -> Page:
        one = opened(expected, **{"viewport": {"width": 1440, "height": 900}, **options})
        one.page.goto(f"{served.url}/_{path}")
        sign_in(one.page, served)
        return one.page

    return open_screen


def sign_in(page: Page, served: Served) -> None:
    page.get_by_label("Email").fill(served.email)
    page.get_by_label("Password", exact=True).fill(served.password)
    page.get_by_role("button", name="Sign in").click()


def records(root: httpx.Client, **query: str | int) -> list[dict[str, Any]]:
    return root.get("/collections/articles/records", params={"sort": "views", **query}).json()["items"]


def test_records_are_read_filtered_and_edited_by_keyboard_alone(
    served: Served, root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/data/articles?sort=views", "status of 400")
    grid = page.get_by_role("grid", name="articles records")
    expect(page.get_by_role("gridcell", name="Article 1", exact=True)).to_be_visible()
    expect(page.get_by_label("Status", exact=True)).to_contain_text("250 rows")
    assert page.evaluate("window.hacked") is None
    assert page.get_by_role("row").count() < 60

    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.get_by_role("gridcell", name="Article 249", exact=True)).to_be_visible()
    page.keyboard.press("Control+Home")
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    page.keyboard.type("Written by keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 unsaved change")).to_be_visible()
    assert records(root, perPage=2)[1]["title"] == "Article 1", "nothing is saved by writing alone"
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Saved 1 change")).to_be_visible()
    assert records(root, perPage=2)[1]["title"] == "Written by keyboard"

    page.get_by_role("heading", name="articles").click()  # in the grid, letters are written into cells
    page.keyboard.press("/")
    page.keyboard.type("views > 10 && statos = 'draft'")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("statos")
    page.get_by_role("button", name="Show the filter as text").click()
    expect(page.locator("u")).to_have_text("statos")
    page.get_by_role("combobox", name="Filter", exact=True).fill("views >= 248")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Show the filter as text").click()
    expect(page.get_by_label("Status", exact=True)).to_contain_text("2 rows")
    page.reload()
    expect(page.get_by_label("Status", exact=True)).to_contain_text("2 rows")


def test_what_somebody_else_changed_meanwhile_is_not_written_over(
    root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/data/articles?filter=views = 100")
    cell = page.get_by_role("gridcell", name="Article 100", exact=True)
    cell.click()
    page.keyboard.type("Mine")
    page.keyboard.press("Enter")
    id = records(root, filter="views = 100")[0]["id"]
    root.patch(f"/collections/articles/records/{id}", json={"title": "Theirs"}).raise_for_status()
    page.keyboard.press("Control+s")
    review = page.get_by_role("dialog", name="Unsaved changes")
    expect(review).to_contain_text("Somebody else changed title")
    expect(review).to_contain_text("Theirs: Theirs")
    review.get_by_role("button", name="Keep mine").click()
    review.get_by_role("button", name="Save 1 change").click()
    expect(page.get_by_text("Saved 1 change")).to_be_visible()
    assert records(root, filter="views = 100")[0]["title"] == "Mine"


def test_a_record_is_made_changed_and_deleted_in_the_inspector(
    root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/data/articles?filter=views >= 1000", "status of 400")
    expect(page.get_by_text("No record matches this filter.")).to_be_visible()
    page.get_by_role("button", name="New record").click()
    page.get_by_role("button", name="Create record").click()
    expect(page.locator("#record-title-wrong")).not_to_be_empty()
    expect(page.locator("#record-title")).to_be_focused()
    page.locator("#record-title").fill("Made by hand")
    page.locator("#record-views").fill("1000")
    page.locator("#record-status").select_option("done")
    page.locator("#record-author").fill("bo")
    page.get_by_role("option", name="Bob").click()
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Created the record")).to_be_visible()
    made = records(root, filter="views = 1000", expand="author")[0]
    assert (made["title"], made["status"], made["expand"]["author"]["name"]) == ("Made by hand", "done", "Bob")
    page.get_by_role("gridcell", name=made["id"]).click()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("dialog", name="Delete this record?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted the record")).to_be_visible()
    assert records(root, filter="views = 1000") == []


def test_a_loss_is_held_back_until_it_is_ticked_and_can_be_brought_back(
    root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/data/articles/schema")
    page.get_by_role("button", name="Drop views").click()
    page.reload()  # the draft is kept
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text('DROP COLUMN "views"')
    apply = plan.get_by_role("button", name="Apply")
    expect(apply).to_be_disabled()
    plan.get_by_label("249 values will be lost").check()
    apply.click()
    expect(page.get_by_text("Applied the plan")).to_be_visible()
    assert "views" not in root.get("/collections/articles/records", params={"perPage": 1}).json()["items"][0]
    page.get_by_role("link", name="Trash").click()
    page.get_by_role("row", name="articles.views").get_by_role("button", name="Bring back").click()
    expect(page.get_by_text("Brought back articles.views")).to_be_visible()
    assert records(root, filter="views = 249") != []


def test_a_session_that_ends_takes_nothing_along_that_is_not_saved(
    served: Served, root: httpx.Client, console: Callable[..., Page]
) -> None:
    page = console("/data/articles?filter=views = 200", "status of 401")
    page.get_by_role("gridcell", name="Article 200", exact=True).click()
    page.keyboard.type("Kept")
    page.keyboard.press("Enter")
    page.context.clear_cookies()
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_label("Password").fill(served.password)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved 1 change")).to_be_visible()
    assert records(root, filter="views = 200")[0]["title"] == "Kept"


@pytest.fixture(scope="module")
def signed_in(served: Served, root: httpx.Client, browser: Browser) -> Iterator[Opened]:
    """A page that is signed in."""
    context = browser.new_context()
    one = Opened(context.new_page())
    # A line that stays open is never idle: here it ends at once.
    one.page.route("**/api/realtime?*", lambda route: route.fulfill(content_type="text/event-stream", body=""))
    one.page.goto(f"{served.url}/_/")
    sign_in(one.page, served)
    expect(one.page.get_by_role("navigation", name="Sections")).to_be_visible()
    yield one
    assert one.foreign == []
    context.close()


@pytest.fixture
def visitor(signed_in: Opened) -> Iterator[Opened]:
    """It, for one screen after the other; it sees nothing of what other tests do to the collections meanwhile."""
    yield signed_in
    signed_in.page.goto("about:blank")
    signed_in.complaints.clear()


@pytest.mark.parametrize("path", SCREENS.values(), ids=SCREENS.keys())
def test_nothing_is_wrong_on(served: Served, visitor: Opened, axe: str, path: str) -> None:
    page = visitor.page
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{served.url}/_{path}")
    expect(page.locator("h1, [role=dialog] h2").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert visitor.faults(axe) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 900, "height": 900})
    assert visitor.faults(axe, of_colours=True) == []
    assert visitor.wider_than_the_window() == []
    assert visitor.complaints == []
