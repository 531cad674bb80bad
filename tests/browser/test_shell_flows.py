"""What holds the console together, and who may do what, in a real browser: one page for the whole file."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from mail_sink import mail_server
from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
TEXT = {"type": "text"}
ANN = {"email": "ann@example.com", "password": "ann's password", "passwordConfirm": "ann's password"}


def faults(one: Opened, axe: str) -> list[str]:
    """What is wrong in the light theme, and with the colours of the dark one."""
    found = one.faults(axe)
    one.page.emulate_media(color_scheme="dark")
    found += one.faults(axe, of_colours=True)
    one.page.emulate_media(color_scheme="light")
    return found


def until(done: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Desk:
    """The server, asked as its superuser, and its console on a page that is signed in."""

    def __init__(self, served: Served, root: httpx.Client, one: Opened) -> None:
        self.served = served
        self.root = root
        self.one = one
        self.page = one.page

    def open(self, path: str) -> Page:
        """The screen of an address, without loading the page anew."""
        self.page.evaluate(
            "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')) }", f"/_{path}"
        )
        return self.page

    def collection(self, name: str) -> dict[str, Any]:
        """A collection as the server has it."""
        return self.root.get(f"/collections/{name}").json()


@pytest.fixture(scope="module")
def desk(served: Served, browser: Browser) -> Iterator[Desk]:
    """Two collections, a person and their note."""
    with httpx.Client(base_url=f"{served.url}/api", timeout=30) as root:
        body = {"identity": served.email, "password": served.password}
        token = root.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        root.headers["Authorization"] = token
        ann = root.post("/collections/users/records", json=ANN).json()["id"]
        owner = {"name": "owner", "type": "relation", "collectionId": "users"}
        root.post(
            "/collections", json={"name": "notes", "fields": [{"name": "title", **TEXT}, owner]}
        ).raise_for_status()
        root.post("/collections", json={"name": "places", "fields": [{"name": "name", **TEXT}]}).raise_for_status()
        root.post("/collections/notes/records", json={"title": "Ann's", "owner": ann}).raise_for_status()
        context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        one = Opened(context.new_page(), "the server responded with a status of 4")
        one.page.goto(f"{served.url}/_/data/notes")
        one.page.get_by_label("Email").fill(served.email)
        one.page.get_by_label("Password", exact=True).fill(served.password)
        one.page.get_by_role("button", name="Sign in").click()
        expect(one.page.get_by_role("navigation", name="Sections")).to_be_visible()
        yield Desk(served, root, one)
        assert one.complaints == []
        assert one.foreign == []
        context.close()
        for name in ("notes", "places"):
            root.delete(f"/collections/{name}?ruleTests=skip")
        root.delete(f"/collections/users/records/{ann}")


def test_everything_is_reached_by_keys_and_a_reload_keeps_the_place(desk: Desk) -> None:
    page = desk.open("/data/notes")
    expect(page.get_by_role("gridcell", name="Ann's")).to_be_visible()
    palette = page.get_by_role("dialog", name="Jump to")

    def jump(words: str) -> None:
        page.keyboard.press("Control+k")
        palette.get_by_role("combobox").fill(words)
        expect(palette.get_by_role("option").first).to_be_visible()
        page.keyboard.press("Enter")
        expect(palette).to_be_hidden()

    jump("places schema")
    expect(page.get_by_role("button", name="Add a field")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(palette.get_by_role("option").first).to_contain_text("places schema")  # what was chosen lately
    palette.get_by_role("combobox").fill("@ann")
    expect(palette.get_by_role("option", name="ann@example.com")).to_be_visible()
    page.keyboard.press("Enter")
    person = page.get_by_role("dialog", name="ann@example.com")
    expect(person).to_be_visible()
    page.keyboard.press("Escape")
    expect(person).to_be_hidden()
    jump("#back")
    expect(page.get_by_role("heading", name="Backups")).to_be_visible()
    jump("#mail")
    expect(page.get_by_role("heading", name="Mail", exact=True)).to_be_in_viewport()
    note = desk.root.get("/collections/notes/records").json()["items"][0]["id"]
    jump(note)
    expect(page.get_by_role("dialog", name="Ann's")).to_be_visible()
    page.reload()
    expect(page.get_by_role("dialog", name="Ann's")).to_be_visible()
    page.keyboard.press("Escape")


def test_single_letters_do_something_unless_they_are_turned_off(desk: Desk) -> None:
    page = desk.open("/data/notes")
    palette = page.get_by_role("dialog", name="Jump to")
    page.get_by_role("heading", name="notes").click()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Shortcuts")
    expect(keys.get_by_text("Go to Webhooks")).to_be_visible()
    keys.get_by_label("Single letters are shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.type("gw")
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    assert "/data/notes" in page.url, "single letters do nothing now"
    page.keyboard.press("Escape")
    page.evaluate("localStorage.removeItem('holdfast.letters')")
    page.reload()
    expect(page.get_by_role("gridcell", name="Ann's")).to_be_visible()
    page.get_by_role("heading", name="notes").click()
    page.keyboard.type("[")
    expect(page.get_by_label("Sidebar", exact=True)).to_have_count(0)
    page.reload()
    expect(page.get_by_role("gridcell", name="Ann's")).to_be_visible()
    expect(page.get_by_label("Sidebar", exact=True)).to_have_count(0)
    page.keyboard.type("[")
    page.get_by_role("separator", name="Width of the sidebar").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("separator", name="Width of the sidebar")).to_have_attribute("aria-valuenow", "232")
    page.keyboard.type("gw")
    expect(page.get_by_role("heading", name="Webhooks").first).to_be_visible()


def test_the_console_fits_a_phone_and_a_wall(desk: Desk, axe: str) -> None:
    page = desk.page
    for width, height in ((375, 700), (2560, 1300)):
        page.set_viewport_size({"width": width, "height": height})
        for path in ("/", "/data/notes", "/data/notes/schema", "/access/rules", "/settings", "/observe/logs", "/jobs"):
            desk.open(path)
            expect(page.locator("h1").first).to_be_visible()
            assert desk.one.wider_than_the_window() == [], (path, width)
    page.set_viewport_size({"width": 375, "height": 700})
    expect(page.get_by_role("navigation", name="Sections").get_by_role("link", name="Data")).to_be_in_viewport()
    page.get_by_role("button", name="Jump to").click()
    page.get_by_role("combobox").fill("notes")
    page.keyboard.press("Enter")
    page.get_by_role("gridcell", name="Ann's").click()
    assert desk.one.faults(axe) == []
    page.set_viewport_size({"width": 1440, "height": 900})


def test_changes_of_several_collections_are_one_plan_and_one_transaction(desk: Desk, axe: str) -> None:
    for name in ("ships", "ports"):
        desk.root.post("/collections", json={"name": name, "fields": [{"name": "title", **TEXT}]}).raise_for_status()
    desk.root.post("/collections/ports/records", json={"title": "Quay"}).raise_for_status()
    desk.page.reload()  # they were made elsewhere
    page = desk.open("/data/ships/schema")
    page.get_by_role("button", name="title", exact=True).click()
    page.get_by_label("Name", exact=True).last.fill("headline")
    desk.open("/data/_/new")
    page.locator("#new-name").fill("visits")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_role("menuitem", name="Relation").click()
    page.get_by_label("Points at").select_option("ports")
    page.get_by_role("button", name="Add to the draft").click()
    expect(page.get_by_role("heading", name="Draft")).to_be_visible()
    page.reload()  # the draft is kept
    expect(page.get_by_role("region", name="ships")).to_contain_text("title → headline")
    expect(page.get_by_role("region", name="visits")).to_contain_text("visits, a base collection")
    assert faults(desk.one, axe) == []
    assert desk.root.get("/collections/visits").status_code == 404
    desk.open("/data/ports/schema")
    page.get_by_role("button", name="Drop title").click()
    expect(page.get_by_role("link", name="2 more collections are in it")).to_be_visible()
    page.get_by_role("button", name="Review plan").click()
    plan = page.get_by_role("dialog", name="Review plan")
    expect(plan).to_contain_text('RENAME COLUMN "title" TO "headline"')
    expect(plan).to_contain_text('CREATE TABLE public."visits"')
    apply = plan.get_by_role("button", name="Apply")
    expect(apply).to_be_disabled()
    plan.get_by_label("1 value will be lost").check()
    # Somebody else is faster: what was ticked is no longer what would be done.
    desk.root.post("/collections/ports/records", json={"title": "Pier"}).raise_for_status()
    apply.click()
    expect(plan.get_by_role("status")).to_contain_text("changed in the meantime")
    assert desk.root.get("/collections/visits").status_code == 404
    plan.get_by_label("2 values will be lost").check()
    apply.click()
    expect(page.get_by_text("Applied the plan")).to_be_visible()
    assert [field["name"] for field in desk.collection("ships")["fields"]] == ["id", "headline"]
    assert [field["name"] for field in desk.collection("ports")["fields"]] == ["id"]
    relation = next(field for field in desk.collection("visits")["fields"] if field["type"] == "relation")
    assert relation["collectionId"] == desk.collection("ports")["id"]
    expect(page.get_by_role("link", name="Draft")).to_have_count(0)
    for name in ("visits", "ships", "ports"):
        desk.root.delete(f"/collections/{name}").raise_for_status()


def test_a_rule_is_chosen_in_words_written_with_its_faults_shown_and_kept_by_a_test(desk: Desk) -> None:
    page = desk.open("/data/notes/rules")
    listing = page.get_by_role("group", name="List").first
    listing.get_by_label("Anyone", exact=True).check()
    page.get_by_role("button", name="Save rules").click()
    page.get_by_role("dialog", name="Open to anyone?").get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("Saved the rules")).to_be_visible()
    assert desk.collection("notes")["listRule"] == ""
    url = f"{desk.served.url}/api/collections/notes/records"
    assert httpx.get(url).json()["totalItems"] == 1
    desk.open("/access/rules")
    expect(page.get_by_role("row", name="notes").get_by_text("Anyone")).to_be_visible()

    desk.open("/data/notes/rules")
    listing.get_by_label("Custom").check()
    written = page.get_by_label("List rule")
    written.fill("ownr = @request.auth.id")
    expect(page.locator("#listRule-wrong")).to_contain_text("ownr")
    expect(page.get_by_role("button", name="Save rules")).to_be_disabled()
    written.fill("owner = @request.auth.id")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("1 rule is not saved")).to_be_hidden()
    assert desk.collection("notes")["listRule"] == "owner = @request.auth.id"
    assert httpx.get(url).json()["totalItems"] == 0

    trial = page.get_by_role("region", name="Test as")
    note = desk.root.get("/collections/notes/records").json()["items"][0]
    trial.get_by_label("Which record").fill(note["title"][:4])
    trial.get_by_role("option", name=note["title"]).click()
    trial.get_by_role("button", name="Test", exact=True).click()
    expect(trial.get_by_role("status")).to_contain_text("Refused")
    expect(trial.get_by_role("row", name="owner = @request.auth.id")).to_contain_text("does not hold")
    trial.get_by_role("button", name="Keep as a test").click()
    keeping = page.get_by_role("dialog", name="New test")
    keeping.get_by_label("What the case is about").fill("Strangers see no note")
    keeping.get_by_role("button", name="Keep and run").click()
    expect(page.get_by_text("Kept the test")).to_be_visible()
    (kept,) = desk.root.get("/rules/tests").json()["items"]
    assert (kept["name"], kept["expect"]) == ("Strangers see no note", "refused")
    # No change of the rules breaks it unseen.
    page.get_by_role("group", name="List").first.get_by_label("Anyone", exact=True).check()
    page.get_by_role("button", name="Save rules").click()
    page.get_by_role("dialog", name="Open to anyone?").get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("Strangers see no note").first).to_be_visible()
    assert desk.collection("notes")["listRule"] == "owner = @request.auth.id"
    page.get_by_role("button", name="Save though tests fail").click()
    expect(page.get_by_text("1 rule is not saved")).to_be_hidden()
    assert desk.collection("notes")["listRule"] == ""
    desk.root.delete(f"/rules/tests/{kept['id']}").raise_for_status()


def test_a_key_is_made_used_rotated_and_revoked(desk: Desk) -> None:
    desk.root.post("/roles", json={"name": "watcher", "operations": ["logs.view"]}).raise_for_status()
    page = desk.open("/access/keys?key=new")
    sheet = page.get_by_role("dialog", name="New key")
    sheet.get_by_label("Name").fill("Monitor")
    sheet.get_by_label("watcher").check()
    sheet.get_by_role("button", name="Create key").click()
    shown = page.get_by_role("dialog", name="The new key")
    first = shown.locator("pre").inner_text()
    shown.get_by_role("button", name="Done").click()
    assert first not in page.content()
    logs = f"{desk.served.url}/api/logs?perPage=1"

    def status(key: str) -> int:
        return httpx.get(logs, headers={"Authorization": f"Bearer {key}"}).status_code

    assert status(first) == 200
    page.get_by_role("button", name="Actions of Monitor").click()
    page.get_by_role("menuitem", name="Rotate").click()
    second = shown.locator("pre").inner_text()
    shown.get_by_role("button", name="Done").click()
    assert second != first
    assert (status(first), status(second)) == (200, 200), "the old one is good for a day"
    page.get_by_role("button", name="Actions of Monitor").click()
    page.get_by_role("menuitem", name="Revoke…").click()
    page.get_by_role("dialog", name="Revoke Monitor?").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="Monitor")).to_contain_text("revoked")
    until(lambda: status(first) == status(second) == 401)

    desk.open("/access/roles")
    page.get_by_role("button", name="watcher", exact=True).click()
    expect(page.get_by_role("dialog", name="watcher").get_by_label("Read the log")).to_be_checked()
    page.get_by_role("dialog", name="watcher").get_by_role("button", name="Close").click()
    for key in desk.root.get("/keys").json()["items"]:
        assert key["revoked"] or key["name"] != "Monitor"
    desk.root.delete("/roles/watcher").raise_for_status()


def test_an_open_line_is_seen_and_closed(desk: Desk) -> None:
    ended = threading.Event()

    def listen() -> None:
        with httpx.stream("GET", f"{desk.served.url}/api/realtime?topics=places/*", timeout=30) as answer:
            for _ in answer.iter_lines():
                pass
        ended.set()

    desk.root.patch("/collections/places", json={"listRule": ""}).raise_for_status()
    threading.Thread(target=listen, daemon=True).start()
    page = desk.open("/observe/realtime")
    page.get_by_label("Search").fill("places")
    row = page.get_by_role("row", name="places/*")
    expect(row).to_contain_text("guest")
    row.get_by_role("button", name="Close").click()
    page.get_by_role("dialog", name="Close this line?").get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_text("Closed the line")).to_be_visible()
    assert ended.wait(10)
    topics = [one["topics"] for one in desk.root.get("/realtime/connections").json()["items"]]
    assert ["places/*"] not in topics


def test_what_was_done_is_in_the_audit_log_and_goes_out_as_a_file(desk: Desk) -> None:
    desk.root.patch("/collections/places", json={"viewRule": ""}).raise_for_status()
    page = desk.open("/audit?action=collection.*&target=places")
    page.get_by_role("button", name="collection.updated").first.click()
    sheet = page.get_by_role("dialog", name="collection.updated")
    expect(sheet).to_contain_text("viewRule")
    expect(sheet.get_by_role("heading", name="Before")).to_be_visible()
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    query = {"action": "collection.*", "target": "places"}
    wanted = desk.root.get("/audit/export", params=query).text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [json.loads(line)["id"] for line in wanted] != []


def test_settings_say_where_they_come_from_and_are_tried(desk: Desk) -> None:
    page = desk.open("/settings")
    expect(page.get_by_text("HOLDFAST_SQL_CONSOLE").first).to_be_visible()
    page.get_by_label("Name of the application").fill("Harbour")
    page.get_by_role("button", name="Save general").click()
    expect(page.get_by_label("Sidebar", exact=True)).to_contain_text("Harbour")
    assert desk.root.get("/settings").json()["meta"]["appName"] == "Harbour"
    with mail_server() as box:
        page.get_by_label("Mail goes out").check()
        page.get_by_label("Mail server").fill("127.0.0.1")
        page.get_by_label("Port", exact=True).fill(str(box.port))
        page.get_by_role("button", name="Save mail").click()
        expect(page.get_by_role("button", name="Save mail")).to_be_disabled()
        page.get_by_label("Send the test mail to").fill("ada@example.com")
        page.get_by_role("button", name="Send a test mail").click()
        expect(page.get_by_text("Sent a test mail to ada@example.com")).to_be_visible()
        until(lambda: [letter.to for letter in box.letters] == ["ada@example.com"])
    page.get_by_role("button", name="Try the bucket").click()
    expect(page.get_by_text("there is no bucket to be tested")).to_be_visible()
    desk.root.patch("/settings", json={"smtp": {"enabled": False}, "meta": {"appName": "Acme"}}).raise_for_status()


def test_what_cannot_be_taken_back_asks_who_sits_there_and_goes_on(desk: Desk, axe: str) -> None:
    refusal = {"status": 403, "code": "recent_login_needed", "message": "Show that it is you.", "data": {}}
    desk.root.post("/collections", json={"name": "piers", "fields": [{"name": "title", **TEXT}]}).raise_for_status()
    desk.page.reload()
    page = desk.open("/data/piers/schema")
    # The session is young: one answer stands for the server of ten minutes later.
    page.route("**/api/collections/piers", lambda route: route.fulfill(status=403, json=refusal), times=1)
    page.get_by_role("button", name="Delete this collection…").click()
    plan = page.get_by_role("dialog", name="Review plan")
    plan.get_by_label("Write piers to go on").fill("piers")
    plan.get_by_role("button", name="Apply").click()
    proof = page.get_by_role("dialog", name="Show that it is you")
    proof.get_by_label("Your password").fill("not the password")
    proof.get_by_role("button", name="Go on").click()
    expect(proof.locator("#proof-password-wrong")).to_contain_text("not your password")
    assert faults(desk.one, axe) == []
    assert desk.root.get("/collections/piers").status_code == 200
    proof.get_by_label("Your password").fill(desk.served.password)
    proof.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Deleted piers")).to_be_visible()
    assert desk.root.get("/collections/piers").status_code == 404
