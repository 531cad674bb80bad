"""Bad days of the console, in a real browser on a real server: nothing that was written is lost by any of them."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from console_desk import ConsoleDesk, console_desk
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
REFUSED = "Failed to load resource"
SCRIPT = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
RTL = "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd"
PARTS = "\U0001f469\u200d \ufe0f \U0001f1e9 \U0001f3fd e\u0301\u0301\u0301"
"""Half of a family, a variation of nothing, half of a flag, a skin without a hand, an e with three accents."""
LONG = "x" * 1_000_000
KEPT = "Object.keys(sessionStorage).some((key) => key.startsWith('holdfast.record.'))"
HOSTILE = {"markup": SCRIPT, "direction": RTL, "parts of signs": PARTS, "a megabyte": LONG}


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[ConsoleDesk]:
    """Memos, whose versions are kept, and people who wrote them."""
    with console_desk(served) as made:
        names = [{"name": "name", "type": "text", "presentable": True, "max": 2_000_000, "help": SCRIPT}]
        made.define("authors", names, comment=SCRIPT)
        fields = [
            {"name": "title", "type": "text", "presentable": True},
            {"name": "body", "type": "text", "max": 2_000_000},
            {"name": "size", "type": "number"},
            {"name": "by", "type": "relation", "collectionId": "authors"},
            {"name": "extra", "type": "json", "maxSize": 8_000_000},
        ]
        made.define("memos", fields, history=True)
        made.make("memos", *[{"title": f"Note {n}", "size": n} for n in range(5)])
        yield made


@pytest.fixture
def page(desk: ConsoleDesk, opened: Callable[..., Opened]) -> Page:
    """A page on which requests may fail."""
    return opened(REFUSED, viewport={"width": 1440, "height": 900}).page


def in_both_themes(one: Opened, axe: str) -> list[str]:
    """What is wrong in the light theme, and with the colours of the dark one."""
    found = one.faults(axe)
    one.page.emulate_media(color_scheme="dark")
    return found + one.faults(axe, of_colours=True)


def write(page: Page, cell: str, text: str) -> None:
    page.get_by_role("gridcell", name=cell, exact=True).click()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def unsaved(page: Page) -> Locator:
    return page.get_by_text("1 unsaved change", exact=True)


def test_a_lost_line_a_proxy_that_refuses_another_version_and_a_collection_that_is_gone_take_nothing_along(
    desk: ConsoleDesk, page: Page
) -> None:
    desk.open(page, "/data/memos?sort=size")
    strip = page.get_by_label("Status", exact=True)
    save = page.get_by_role("button", name="Save Ctrl S")
    write(page, "Note 1", "Kept")
    expect(unsaved(page)).to_be_visible()

    page.context.set_offline(True)
    expect(strip).to_contain_text("offline, retrying")
    expect(save).to_be_disabled()
    page.keyboard.press("Control+s")
    expect(page.get_by_text("What you have changed stays here until it does.")).to_be_visible()
    page.context.set_offline(False)
    expect(strip).to_contain_text("online")

    # A proxy in front of the server that lets nothing through for a while.
    wait = {"status": 429, "headers": {"Retry-After": "1"}, "json": {"status": 429, "message": "Too many.", "data": {}}}
    page.route("**/api/batch", lambda route: route.fulfill(**wait))
    save.click()
    expect(page.get_by_text("Too many. Try again in 1 s.")).to_be_visible()
    expect(unsaved(page)).to_be_visible()
    page.unroute("**/api/batch")
    page.route("**/records?*", lambda route: route.fulfill(**wait), times=2)
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_contain_text("Too many.")
    expect(page.get_by_role("gridcell", name="Note 2", exact=True)).to_be_visible()  # it was asked again by itself

    # The server was upgraded: its page names other files.
    page.route("**/_/", lambda route: route.fulfill(content_type="text/html", body="/_/a/0123456789abcdef/assets/"))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("status", name="Another version").get_by_role("button", name="Load the new page").click()
    page.unroute("**/_/")
    expect(page.get_by_role("gridcell", name="Kept", exact=True)).to_be_visible()
    expect(unsaved(page)).to_be_visible()

    desk.client.delete("/collections/memos").raise_for_status()
    page.keyboard.press("Control+s")
    gone = page.get_by_role("alert").filter(has_text="The collection memos is not there any more")
    expect(gone).to_contain_text("What you have not saved is still here")
    trash = desk.client.get("/collections/trash").json()["items"]
    dropped = next(one for one in trash if one["collectionName"] == "memos" and one["kind"] == "collection")
    desk.client.post(f"/collections/trash/{dropped['id']}/restore").raise_for_status()
    gone.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("gridcell", name="Note 2", exact=True)).to_be_visible()
    save.click()
    expect(page.get_by_text("Saved 1 change")).to_be_visible()
    assert [one["title"] for one in desk.records("memos", filter="size = 1")] == ["Kept"]


def test_a_record_that_is_written_is_there_again_after_a_reload_and_a_delete_can_be_undone(
    desk: ConsoleDesk, page: Page
) -> None:
    (id,) = desk.make("memos", {"title": "Before", "size": 50})
    desk.open(page, f"/data/memos?record={id}")
    page.locator("#record-title").fill("Half written")
    page.evaluate(f"async () => {{ while (!{KEPT}) await new Promise(requestAnimationFrame) }}")
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    sheet = page.get_by_role("dialog", name="Before")
    expect(sheet).to_contain_text("What you had not saved is here again.")
    expect(page.locator("#record-title")).to_have_value("Half written")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Saved the record")).to_be_visible()
    page.evaluate(f"async () => {{ while ({KEPT}) await new Promise(requestAnimationFrame) }}")

    desk.go(page, f"/data/memos?record={id}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("dialog", name="Delete this record?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted the record")).to_be_visible()
    assert desk.records("memos", filter="size = 50") == []
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Brought back 1 record")).to_be_visible()
    assert [one["title"] for one in desk.records("memos", filter="size = 50")] == ["Half written"]


@pytest.mark.long
def test_whatever_records_hold_is_shown_as_text(desk: ConsoleDesk, page: Page) -> None:
    authors = desk.make("authors", *[{"name": text} for text in HOSTILE.values()])
    made = [
        {"title": text[:300], "body": text, "size": 100, "by": by, "extra": {text[:300]: text[:300]}}
        for text, by in zip(HOSTILE.values(), authors, strict=True)
    ]
    ids = desk.make("memos", *made)
    desk.open(page, "/data/memos?filter=size = 100")
    expect(page.get_by_role("gridcell", name=SCRIPT).first).to_be_visible()
    cells = page.evaluate("[...document.querySelectorAll('[role=gridcell]')].map((one) => one.textContent.trim())")
    assert {what: cells.count(text[:200] + "…" * (len(text) > 200)) for what, text in HOSTILE.items()} == dict.fromkeys(
        HOSTILE, 3
    ), "as title, as body and as the name of the author"
    for (what, text), id in zip(HOSTILE.items(), ids, strict=True):
        desk.go(page, f"/data/memos?record={id}&filter=size = 100")
        expect(page.locator("#record-body"), what).to_have_value(text)

    expect(page.get_by_role("dialog").locator(".chip")).to_contain_text("xxx")
    for typed, offered in (("onerror", "<script>"), ("abc", "abc")):
        page.locator("#record-by").fill(typed)
        expect(page.get_by_role("option")).to_have_count(2)  # the other one makes it
        expect(page.get_by_role("option").first).to_contain_text(offered)
    # Half of a sign, as a program may put it into the clipboard: no database has it.
    page.locator("#record-title").evaluate(
        "(input) => { input.value = 'half \\ud83d'; input.dispatchEvent(new Event('input', { bubbles: true })) }"
    )
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog").get_by_role("alert").or_(page.locator("#record-title-wrong"))).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    for path in ("_/diagram", "_/diagram?as=list", "authors/schema?field=name", "authors?record=new"):
        desk.go(page, f"/data/{path}")
        expect(page.locator("h1, [role=dialog] h2").first).to_be_visible()
    expect(page.get_by_role("dialog")).to_contain_text("<script>")  # the help of the field
    assert page.evaluate("window.hacked") is None


def test_a_draft_is_laid_over_what_somebody_else_did_and_asks_where_both_changed_the_same(
    desk: ConsoleDesk, page: Page, axe: str
) -> None:
    def others(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        now = desk.client.get("/collections/authors").json()
        desk.client.patch("/collections/authors", json=change(now)).raise_for_status()

    def with_field(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda now: {"fields": [*now["fields"], {"name": name, "type": "email"}]}

    desk.open(page, "/data/authors/schema")
    page.get_by_label("Note", exact=True).fill("Who wrote")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_role("menuitem", name="Number").click()
    others(with_field("mail"))  # before there is a plan
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text("COMMENT ON")
    expect(plan).not_to_contain_text("lost")
    others(with_field("site"))  # and after
    plan.get_by_role("button", name="Apply").click()
    expect(plan).to_contain_text("your change is laid over them as they are now")
    expect(plan).to_contain_text("COMMENT ON")
    others(lambda now: {**with_field("web")(now), "comment": "Who signed"})
    plan.get_by_role("button", name="Apply").click()
    expect(plan).to_be_hidden()
    both = page.get_by_role("group", name="Note")
    expect(page.get_by_role("button", name="Review plan")).to_be_disabled()
    assert in_both_themes(Opened(page), axe) == []
    page.reload()
    expect(both.get_by_role("radio", name="Theirs Who signed")).not_to_be_checked()
    both.get_by_role("radio", name="Yours Who wrote").check()
    page.get_by_role("button", name="Review plan").click()
    plan.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Applied the plan")).to_be_visible()
    now = desk.client.get("/collections/authors").json()
    assert now["comment"] == "Who wrote"
    assert {"number", "mail", "site", "web"} <= {one["name"] for one in now["fields"]}


def test_an_import_is_told_of_on_every_page_and_after_a_reload(desk: ConsoleDesk, page: Page, axe: str) -> None:
    lines = [json.dumps({"name": f"Author {n}"}).encode() + b"\n" for n in range(2000)]
    sent = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"".join(lines[:1500])
        assert sent.wait(150)
        yield b"".join(lines[1500:])

    def send() -> None:
        headers = {"Content-Type": "application/x-ndjson", "Content-Length": str(sum(map(len, lines)))}
        desk.client.post("/collections/authors/records/import", content=body(), headers=headers, timeout=180)

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    desk.open(page, "/data/memos")
    running = page.get_by_role("button", name="1 running: Import into authors")
    expect(running).to_be_visible()
    page.get_by_role("link", name="Settings").first.click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.reload()
    running.click()
    tray = page.get_by_role("dialog", name="Running")
    expect(tray.get_by_role("progressbar")).to_be_visible()
    assert in_both_themes(Opened(page), axe) == []
    sent.set()
    sending.join(150)
    expect(page.get_by_text("Imported into authors: 2,000 new, 0 changed of 2,000 lines")).to_be_visible()
    expect(tray).to_be_hidden()
    assert desk.records("authors", filter="name = 'Author 1999'", fields="name") == [{"name": "Author 1999"}]


def test_a_locked_schema_for_production_is_planned_into_a_file_that_another_server_takes(
    desk: ConsoleDesk, page: Page, axe: str
) -> None:
    desk.define("ledgers", [{"name": "title", "type": "text"}, {"name": "sum", "type": "number"}])

    def begun(route: Route) -> None:
        found = route.fetch()  # one server stands for both
        route.fulfill(response=found, json={**found.json(), "environment": "prod", "schemaLock": True})

    page.route("**/api/console/bootstrap", begun)
    desk.open(page, "/data/ledgers/schema")
    expect(page.get_by_label("Sidebar", exact=True).get_by_text("prod", exact=True)).to_be_visible()
    page.get_by_role("button", name="title", exact=True).click()
    page.get_by_label("Name", exact=True).last.fill("headline")
    page.get_by_role("button", name="Drop sum").click()
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text('RENAME COLUMN "title" TO "headline"')
    expect(plan).to_contain_text("The schema of this server is locked.")
    expect(plan.get_by_role("button", name="Apply")).to_have_count(0)
    assert in_both_themes(Opened(page), axe) == []
    with page.expect_download() as saved:
        plan.get_by_role("button", name="Save as a file").click()
    assert saved.value.suggested_filename == "ledgers.json"
    file = json.loads(Path(saved.value.path()).read_text("utf-8"))
    desk.client.put("/collections/import", json=file).raise_for_status()
    fields = desk.client.get("/collections/ledgers").json()["fields"]
    assert [field["name"] for field in fields] == ["id", "headline"]


@pytest.mark.long
def test_a_list_that_takes_long_says_so_and_can_be_stopped(desk: ConsoleDesk, page: Page) -> None:
    page.route("**/records?*", lambda route: None)  # is never answered
    desk.open(page, "/data/memos?filter=title = 'Note 2'")
    slow = page.get_by_role("status", name="Slow")
    expect(slow).to_contain_text("No index begins with title")
    expect(slow.get_by_role("link", name="Make an index")).to_be_visible()
    slow.get_by_role("button", name="Stop").click()
    stopped = page.get_by_role("alert").filter(has_text="You have stopped reading the records.")
    page.unroute("**/records?*")
    stopped.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("gridcell", name="Note 2", exact=True)).to_be_visible()
