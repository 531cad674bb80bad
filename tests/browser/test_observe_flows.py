"""What is watched in the console, in a real browser: the log and what one request has done, metrics, lines, SQL."""

import shutil
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from holdfast.testing.postgres_host import new_home
from served import Served, Server, superuser
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
SCREENS = ("/", "/observe/logs", "/observe/metrics", "/observe/realtime", "/observe/sql")


@pytest.fixture(scope="module")
def root(served: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser, with three notes, and a request that was refused."""
    with httpx.Client(base_url=f"{served.url}/api", timeout=30) as client:
        body = {"identity": served.email, "password": served.password}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        fields = [{"name": "title", "type": "text"}]
        client.post("/collections", json={"name": "notes", "fields": fields}).raise_for_status()
        for number in range(3):
            headers = {"X-Request-Id": f"made-note-{number}"}
            body = {"title": f"Note {number}"}
            client.post("/collections/notes/records", json=body, headers=headers).raise_for_status()
        client.get("/collections/nowhere/records")
        yield client
        client.delete("/collections/notes")


def signed_in(served: Served, one: Opened, path: str) -> Page:
    one.page.goto(f"{served.url}/_{path}")
    one.page.get_by_label("Email").fill(served.email)
    one.page.get_by_label("Password", exact=True).fill(served.password)
    one.page.get_by_role("button", name="Sign in").click()
    expect(one.page.get_by_role("navigation", name="Sections")).to_be_visible()
    return one.page


def test_a_request_is_found_in_the_log_with_all_that_it_has_done(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    page = signed_in(served, opened("status of 400", viewport={"width": 1440, "height": 900}), "/observe/logs?live=1")
    page.get_by_label("Words").fill("made-note-1")
    page.keyboard.press("Enter")
    made = page.get_by_role("button", name="POST /api/collections/notes/records")
    expect(made).to_have_count(1)
    made.click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("notes.created")
    expect(sheet).to_contain_text("made-note-1")
    page.reload()  # the address has it all
    expect(page.get_by_role("dialog")).to_contain_text("notes.created")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_label("Filter", exact=True).fill("nonsense = 1")
    page.keyboard.press("Enter")
    expect(page.locator("#logs-wrong")).to_contain_text("nonsense")
    page.get_by_label("Filter", exact=True).fill('data.status = 404 && message ~ "nowhere"')
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="GET /api/collections/nowhere/records").first).to_be_visible()


def test_sql_reads_at_once_and_writes_after_a_trial_and_the_password(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    page = signed_in(served, opened("status of 400", viewport={"width": 1440, "height": 900}), "/observe/sql")
    run = page.get_by_role("button", name="Run Ctrl Enter")
    statement = page.get_by_role("textbox", name="Statement")

    def write(sql: str) -> None:
        statement.click()
        page.keyboard.press("Control+a")
        page.keyboard.type(sql)
        expect(statement).to_contain_text(sql)
        run.click()

    write("SELECT title FROM notes ORDER BY title")
    expect(page.get_by_role("cell", name="Note 2")).to_be_visible()
    write("SELECT password FROM users")
    expect(page.locator("#sql-wrong")).to_contain_text("Permission denied")
    write("DELETE FROM notes WHERE title = 'Note 2'")
    expect(page.locator("#sql-wrong")).to_contain_text("read-only")
    page.get_by_label("Write records").check()
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("Would change 1 row")).to_be_visible()
    assert root.get("/collections/notes/records").json()["totalItems"] == 3
    page.get_by_role("button", name="Make it stay…").click()
    page.get_by_label("Your password").fill(served.password)
    page.get_by_role("button", name="Change 1 row").click()
    expect(page.get_by_text("Changed 1 row", exact=True).first).to_be_visible()
    assert root.get("/collections/notes/records").json()["totalItems"] == 2


def test_a_call_is_sent_from_the_page_that_shows_it(
    served: Served, root: httpx.Client, opened: Callable[..., Opened], axe: str
) -> None:
    one = opened("status of 403", viewport={"width": 900, "height": 900})
    page = signed_in(served, one, "/audit")
    with page.expect_response("**/notes/records?*sort=-id*"):
        page.goto(f"{served.url}/_/data/notes/api")
    trial = page.get_by_role("form", name="Try it")
    page.get_by_role("button", name="create", exact=True).click()
    trial.get_by_label("Body").fill("{")
    trial.get_by_role("button", name="Send").click()
    expect(trial.locator("#try-body-wrong")).to_contain_text("This is no JSON")
    trial.get_by_label("Body").fill('{"title": "Sent from its page"}')
    trial.get_by_role("button", name="Send").click()
    answer = trial.get_by_role("status", name="Answer")
    expect(answer).to_contain_text("200")
    expect(answer).to_contain_text('"title": "Sent from its page"')
    query = {"filter": "title = 'Sent from its page'"}
    made = root.get("/collections/notes/records", params=query).json()["items"][0]["id"]
    page.get_by_role("button", name="view", exact=True).click()
    trial.get_by_label("id", exact=True).fill(made)
    trial.get_by_label("As", exact=True).select_option("nobody")
    trial.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("403")
    assert one.faults(axe) == []
    page.emulate_media(color_scheme="dark")
    assert one.faults(axe, of_colours=True) == []
    assert one.wider_than_the_window() == []
    page.get_by_role("button", name="delete", exact=True).click()
    expect(trial.get_by_label("id", exact=True)).to_have_value(made)
    trial.get_by_role("button", name="Send").click()
    page.get_by_role("dialog", name="Delete this record?").get_by_role("button", name="Delete").click()
    expect(answer).to_contain_text("204")
    assert root.get(f"/collections/notes/records/{made}").status_code == 404


def test_nothing_is_wrong_on_the_screens_that_watch(
    served: Served, root: httpx.Client, opened: Callable[..., Opened], axe: str
) -> None:
    one = opened("", viewport={"width": 900, "height": 900})
    page = signed_in(served, one, "/")
    for path in SCREENS:
        page.goto(f"{served.url}/_{path}")
        expect(page.locator("h1").first).to_be_visible()
        page.wait_for_load_state("load")
        expect(page.locator("figure, table, .cm-editor, pre").first).to_be_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert one.faults(axe) == [], f"{path} {scheme}"
        assert one.wider_than_the_window() == [], path


def test_a_row_is_opened_by_a_click_anywhere_in_it_and_not_by_what_has_one_of_its_own(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    page = signed_in(served, opened(viewport={"width": 1440, "height": 900}), "/audit?target=notes")
    row = page.get_by_role("row").filter(has_text="collection.created")
    row.get_by_role("cell").last.click()
    expect(page.get_by_role("dialog", name="collection.created")).to_be_visible()
    page.keyboard.press("Escape")
    plugins = "/plugins"
    page.goto(f"{served.url}/_{plugins}")
    page.get_by_role("row").filter(has_text="feeds").get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("row").filter(has_text="feeds").get_by_role("button", name="Turn off")).to_be_visible()
    expect(page).to_have_url(f"{served.url}/_{plugins}")
    changed = root.get("/audit", params={"action": "plugin.updated"}).json()["items"][0]
    assert changed["client"].startswith("console/")
    page.goto(f"{served.url}/_/audit?entry={changed['id']}")
    expect(page.get_by_role("dialog")).to_contain_text(changed["client"])
    root.patch("/plugins/feeds", json={"enabled": False}).raise_for_status()


def test_the_plain_tables_offer_no_row_where_only_reading_is_possible(
    served: Served, root: httpx.Client, opened: Callable[..., Opened]
) -> None:
    page = signed_in(served, opened(viewport={"width": 1440, "height": 900}), "/")
    add = page.get_by_role("link", name="Add row")
    page.goto(f"{served.url}/admin/tables/#/notes/")
    expect(add).to_be_visible()
    page.get_by_role("link", name="holdfast.keys").click()
    expect(page.get_by_role("heading", name="holdfast.keys")).to_be_visible()
    expect(add).to_be_hidden()


def test_a_statement_that_took_long_is_shown_with_its_plan(opened: Callable[..., Opened], axe: str) -> None:
    folder = new_home()
    # What was counted is written down each minute, and when a server ends.
    server = Server(folder / "data", "--port", "0")
    with superuser(Served(server.started())) as client:
        fields = [{"name": "title", "type": "text"}]
        client.post("/collections", json={"name": "notes", "fields": fields}).raise_for_status()
        client.get("/collections/notes/records", params={"filter": "title = 'told to nobody'"}).raise_for_status()
    assert server.stop() == 0
    server = Server(folder / "data", "--port", "0")
    one = opened(viewport={"width": 1440, "height": 900})
    page = signed_in(Served(server.started()), one, "/observe/metrics?range=1h")
    table = page.get_by_role("table", name="Statements that took long")
    table.get_by_role("button", name="Longest").click()
    expect(table.get_by_role("columnheader", name="Longest")).to_have_attribute("aria-sort", "descending")
    expect(table).not_to_contain_text("told to nobody")
    table.get_by_role("button", name='FROM "notes"').or_(table.get_by_role("button", name='"notes" AS')).first.click()
    sheet = page.get_by_role("dialog", name="Statement")
    expect(sheet.get_by_label("Text")).to_contain_text("$1::")
    expect(sheet.get_by_role("columnheader", name="Own part")).to_be_visible()
    page.reload()  # the address has it all
    expect(sheet.get_by_role("columnheader", name="Own part")).to_be_visible()
    assert one.faults(axe) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 900, "height": 900})
    assert one.faults(axe, of_colours=True) == []
    page.keyboard.press("Escape")
    expect(table).to_be_visible()
    assert one.faults(axe) == []
    assert one.wider_than_the_window() == []
    page.goto("about:blank")  # else it asks on, and nobody answers any more
    assert server.stop() == 0
    shutil.rmtree(folder, ignore_errors=True)
