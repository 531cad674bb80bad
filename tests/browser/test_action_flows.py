"""What else the console does to chosen records: actions of plugins, and tests of a webhook, on a real server."""

import json
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from postgres_host import EMAIL, PASSWORD, new_home
from served import Served, Server
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
PLUGIN = '''
from holdfast.errors import BadRequest
from holdfast.plugin import *

class Press(Plugin):
    """Prints posts."""
    name = "press"
    def actions(self):
        return (
            RecordAction(
                name="print", label="Print", run=self.print, collections=["posts"],
                description="Puts the post into the next issue.", confirm="What is printed stays printed.",
            ),
            RecordAction(name="proof", label="Read the proof", run=self.print, collections=["posts"], many=False),
        )
    async def print(self, ctx, record):
        if not record["title"]:
            raise BadRequest("It has no title.")
        await ctx.records.update("posts", record["id"], {"state": "printed"})
'''
FIELDS = [{"name": "title", "type": "text", "presentable": True}, {"name": "state", "type": "text"}]


class Receiver(BaseHTTPRequestHandler):
    """Takes whatever comes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[str]:
    """The address of a receiver of webhooks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/in"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def pressed() -> Iterator[Served]:
    """A server with a plugin that prints, whose webhooks may go to this machine."""
    folder = new_home()
    (folder / "plugins").mkdir()
    (folder / "plugins" / "press.py").write_text(PLUGIN)
    server = Server(folder / "data", "--port", "0", environment={"HOLDFAST_WEBHOOK_ALLOW": "127.0.0.0/8"})
    try:
        yield Served(server.started())
        assert server.stop() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def root(pressed: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser, with a collection of posts."""
    with httpx.Client(base_url=f"{pressed.url}/api", timeout=30) as client:
        body = {"identity": EMAIL, "password": PASSWORD}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        client.post("/collections", json={"name": "posts", "fields": FIELDS}).raise_for_status()
        yield client


@pytest.fixture
def posts(root: httpx.Client) -> Iterator[Callable[..., list[str]]]:
    """Makes posts with these titles, and gives their ids; they are gone at the end, and the plugin is on."""
    yield lambda *titles: [
        root.post("/collections/posts/records", json={"title": title}).json()["id"] for title in titles
    ]
    root.post("/collections/posts/records/bulk", json={"where": {}, "delete": True}).raise_for_status()
    root.patch("/plugins/press", json={"enabled": True}).raise_for_status()


@pytest.fixture
def console(pressed: Served, root: httpx.Client, opened: Callable[..., Opened]) -> Callable[..., Opened]:
    """Opens a screen of the console, logged in."""

    def open_screen(path: str, expected: str = "") -> Opened:
        one = opened(expected, viewport={"width": 1440, "height": 900})
        one.page.goto(f"{pressed.url}/_{path}")
        one.page.get_by_label("Email").fill(EMAIL)
        one.page.get_by_label("Password", exact=True).fill(PASSWORD)
        one.page.get_by_role("button", name="Sign in").click()
        return one

    return open_screen


def states(root: httpx.Client) -> dict[str, str]:
    """The state of each post, by its title."""
    items = root.get("/collections/posts/records", params={"perPage": 500}).json()["items"]
    return {one["title"]: one["state"] for one in items}


def choose(page: Page, count: int) -> None:
    """Select all rows, of which there are so many; before they are loaded there is nothing to select."""
    expect(page.get_by_label(f"Select row {count}", exact=True)).to_be_visible()
    page.get_by_label("Select all loaded rows").check()
    expect(page.get_by_text(f"{count} selected").first).to_be_visible()


def asked(page: Page, count: int, action: str, name: str) -> Locator:
    """The sheet that asks about an action for all rows, of which there are so many."""
    choose(page, count)
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name=action).click()
    return page.get_by_role("dialog", name=name)


def is_sound(one: Opened, axe: str) -> None:
    """What is shown is right for axe in both themes, and fits windows of both widths."""
    for width in (900, 1440):
        one.page.set_viewport_size({"width": width, "height": 900})
        assert one.wider_than_the_window() == [], width
        for scheme in ("light", "dark"):
            one.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert one.faults(axe) == [], (width, scheme)


def test_an_action_is_done_to_chosen_rows_and_says_for_which_it_failed(
    root: httpx.Client, posts: Callable[..., list[str]], console: Callable[..., Opened], axe: str
) -> None:
    _, failing = posts("Fine", "")
    one = console("/data/posts")
    sheet = asked(one.page, 2, "Print…", "Print")
    expect(sheet).to_contain_text("Puts the post into the next issue.")
    expect(sheet).to_contain_text("What is printed stays printed.")
    expect(sheet).to_contain_text("Each by itself")
    go_on = sheet.get_by_role("button", name="Print 2 records")
    expect(go_on).to_be_enabled()
    is_sound(one, axe)
    go_on.click()
    report = one.page.get_by_role("dialog", name="Run press.print on records of posts")
    expect(report.get_by_text("Ran press.print on 1 of 2 records of posts: 1 failed")).to_be_visible()
    expect(report.get_by_role("row", name=f"{failing} failed It has no title.")).to_be_visible()
    is_sound(one, axe)
    assert states(root) == {"Fine": "printed", "": ""}
    report.get_by_role("button", name=failing).click()
    expect(one.page.get_by_role("dialog").get_by_label("title")).to_have_value("")


def test_an_action_for_one_record_at_a_time_says_so(
    posts: Callable[..., list[str]], console: Callable[..., Opened]
) -> None:
    posts("One", "Two")
    page = console("/data/posts").page
    choose(page, 2)
    page.get_by_role("button", name="Actions").click()
    item = page.get_by_role("menuitem", name="Read the proof… one at a time")
    expect(item).to_have_attribute("aria-disabled", "true")


def test_an_action_is_done_to_the_record_that_is_open_and_is_seen_in_it(
    posts: Callable[..., list[str]], console: Callable[..., Opened]
) -> None:
    (id,) = posts("Alone")
    page = console(f"/data/posts?record={id}").page
    record = page.get_by_role("dialog", name="Alone")
    record.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name="Read the proof…").click()
    page.get_by_role("dialog", name="Read the proof").get_by_role("button", name="Read the proof 1 record").click()
    expect(page.get_by_text("Read the proof: 1 record")).to_be_visible()
    expect(record.get_by_label("state")).to_have_value("printed")


@pytest.mark.usefixtures("posts")
def test_an_action_for_more_than_a_hundred_records_is_a_job(root: httpx.Client, console: Callable[..., Opened]) -> None:
    titles = [f"Post {number}" for number in range(299)]
    lines = "".join(json.dumps({"title": title}) + "\n" for title in [*titles, "", "Left alone"])
    root.post("/collections/posts/records/import?format=ndjson", content=lines).raise_for_status()
    page = console("/data/posts?filter=title != 'Left alone'").page
    expect(page.get_by_label("Select row 1", exact=True)).to_be_visible()
    page.get_by_label("Select all loaded rows").check()
    page.get_by_role("button", name="Select all 300").click()
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name="Print…").click()
    sheet = page.get_by_role("dialog", name="Print")
    expect(sheet).to_contain_text("It can be cancelled")
    sheet.get_by_role("button", name="Print 300 records").click()
    report = page.get_by_role("dialog", name="Run press.print on records of posts")
    expect(report.get_by_text("Ran press.print on 299 of 300 records of posts: 1 failed")).to_be_visible(timeout=60_000)
    assert {title for title, state in states(root).items() if state != "printed"} == {"", "Left alone"}


def test_an_action_whose_plugin_is_turned_off_meanwhile_is_refused_with_the_reason(
    root: httpx.Client, posts: Callable[..., list[str]], console: Callable[..., Opened]
) -> None:
    posts("One")
    page = console("/data/posts", "status of 404").page
    sheet = asked(page, 1, "Print…", "Print")
    go_on = sheet.get_by_role("button", name="Print 1 record")
    expect(go_on).to_be_enabled()
    root.patch("/plugins/press", json={"enabled": False}).raise_for_status()
    go_on.click()
    expect(sheet.get_by_role("alert")).to_contain_text("The plugin press is off")
    assert states(root) == {"One": ""}


def test_chosen_records_are_sent_to_a_webhook_as_tests(
    root: httpx.Client, receiver: str, posts: Callable[..., list[str]], console: Callable[..., Opened], axe: str
) -> None:
    wanted, other = posts("Wanted", "Other")
    hook: dict[str, Any] = {"url": receiver, "events": ["posts.updated"], "filter": "title = 'Wanted'"}
    made = root.post("/webhooks", json={**hook, "description": "The printer"}).json()
    one = console("/data/posts")
    sheet = asked(one.page, 2, "Send to a webhook…", "Send 2 records as tests")
    expect(sheet.get_by_label("Webhook")).to_have_value(made["id"])
    sheet.get_by_role("button", name="Send tests").click()
    expect(sheet.get_by_text(f"{wanted}: The receiver answered 204 in")).to_be_visible()
    expect(sheet.get_by_text(f"{other}: The filter of this webhook does not find it.")).to_be_visible()
    is_sound(one, axe)
    sent = root.get(f"/webhooks/{made['id']}/deliveries").json()["items"]
    assert [delivery["eventId"][:9] for delivery in sent] == ["evt_test_"]
    root.delete(f"/webhooks/{made['id']}").raise_for_status()


def test_records_of_which_no_webhook_hears_cannot_be_sent(
    posts: Callable[..., list[str]], console: Callable[..., Opened]
) -> None:
    posts("One")
    page = console("/data/posts").page
    sheet = asked(page, 1, "Send to a webhook…", "Send 1 record as tests")
    expect(sheet).to_contain_text("No webhook gets events of posts.")
    expect(sheet.get_by_role("button", name="Send tests")).to_be_disabled()
