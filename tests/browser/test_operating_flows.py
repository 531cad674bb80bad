"""Webhooks, jobs and plugins in the console, in a real browser on a real server: good days and bad ones."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from postgres_host import EMAIL, PASSWORD, new_home
from served import Served, Server
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
PLUGIN = '''
import logging
from typing import Annotated
import msgspec
from holdfast.plugin import *

class Shelf(msgspec.Struct, forbid_unknown_fields=True):
    """A place for things."""
    name: str
    width: Annotated[int, msgspec.Meta(ge=1, le=500)] = 80

class Settings(msgspec.Struct):
    """What the shop has."""
    greeting: str = "Hello"
    open: bool = True
    shelves: tuple[Shelf, ...] = ()

class Post(msgspec.Struct):
    title: str

class Shop(Plugin):
    """Keeps a shop."""
    name = "shop"
    Settings = Settings
    mended = False
    def jobs(self):
        return (Job("receipt", Post, self.receipt, attempts=1, kept_seconds=600),)
    def schedules(self):
        return (Schedule("nightly", "30 3 * * *", self.nightly),)
    async def receipt(self, ctx, post):
        logging.getLogger("shop").info("The printer is asked for %s.", post.title)
        if not ctx.settings(Settings).greeting.startswith("Good"):
            raise GiveUp("The printer has no paper.")
    async def nightly(self, ctx):
        pass
    async def record_after_create(self, ctx, record):
        if ctx.collection.name == "orders":
            await ctx.enqueue("receipt", Post(record.values["title"]))
'''


class Shop:
    """A receiver of webhooks that answers as it is told, and remembers the ids that came."""

    def __init__(self) -> None:
        self.status = 503
        self.came: list[tuple[str, str, str]] = []
        """The path, the id and the body of each request."""
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["content-length"])).decode()
                shop.came.append((self.path, self.headers["webhook-id"], text))
                body = b'{"note": "<b>closed</b>"}'
                self.send_response(shop.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def ids(self, path: str) -> list[str]:
        """The ids that came to a path: other tests have webhooks here as well."""
        return [id for at, id, _ in self.came if at == path]

    def about(self, record: str) -> int:
        """How often the event about a record came, under one id."""
        ids = [id for _, id, text in self.came if record in text]
        assert len(set(ids)) == 1, ids
        return len(ids)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def operated() -> Iterator[Served]:
    """A server with a plugin, whose webhooks may go to this machine."""
    folder = new_home()
    (folder / "plugins").mkdir()
    (folder / "plugins" / "shop.py").write_text(PLUGIN)
    server = Server(folder / "data", "--port", "0", environment={"HOLDFAST_WEBHOOK_ALLOW": "127.0.0.0/8"})
    try:
        yield Served(server.started())
        assert server.stop() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def root(operated: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser, with a collection of orders."""
    with httpx.Client(base_url=f"{operated.url}/api", timeout=30) as client:
        body = {"identity": EMAIL, "password": PASSWORD}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        fields = [{"name": "title", "type": "text"}]
        client.post("/collections", json={"name": "orders", "fields": fields}).raise_for_status()
        yield client


@pytest.fixture
def console(operated: Served, root: httpx.Client, opened: Callable[..., Opened]) -> Callable[..., Page]:
    """Opens a screen of the console, logged in."""

    def open_screen(path: str, expected: str = "", **options: Any) -> Page:
        one = opened(expected, **{"viewport": {"width": 1440, "height": 900}, **options})
        one.page.goto(f"{operated.url}/_{path}")
        one.page.get_by_label("Email").fill(EMAIL)
        one.page.get_by_label("Password", exact=True).fill(PASSWORD)
        one.page.get_by_role("button", name="Sign in").click()
        return one.page

    return open_screen


def order(root: httpx.Client, title: str) -> str:
    made = root.post("/collections/orders/records", json={"title": title})
    made.raise_for_status()
    return made.json()["id"]


def webhook(root: httpx.Client, shop: Shop, **more: Any) -> dict[str, Any]:
    made = root.post("/webhooks", json={"url": shop.url, "events": ["orders.*"], **more})
    made.raise_for_status()
    return made.json()


def deliveries(root: httpx.Client, id: str, **query: str) -> list[dict[str, Any]]:
    return root.get(f"/webhooks/{id}/deliveries", params=query).json()["items"]


def dead(root: httpx.Client, title: str) -> list[str]:
    """The ids of the jobs that died over an order."""
    items = root.get("/jobs", params={"state": "dead", "name": "shop.receipt"}).json()["items"]
    return [one["id"] for one in items if one["payload"]["title"] == title]


def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what the server does by itself."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_webhook_is_made_fails_is_looked_into_and_mended(
    operated: Served, root: httpx.Client, shop: Shop, console: Callable[..., Page]
) -> None:
    shop.status = 503
    page = console("/webhooks", "status of 400")
    page.get_by_role("button", name="New webhook").first.click()
    form = page.get_by_role("dialog", name="New webhook")
    form.get_by_label("Address", exact=False).fill("ftp://example.com")
    form.get_by_role("button", name="Create webhook").click()
    expect(page.locator("#webhook-form-url-wrong")).to_be_visible()
    expect(page.locator("#webhook-form-events-wrong")).to_be_visible()
    expect(page.locator("#webhook-form-url")).to_be_focused()
    page.locator("#webhook-form-url").fill(f"{shop.url}/orders")
    page.locator("#webhook-form-description").fill("The shop")
    form.get_by_label("orders.created").check()
    form.get_by_role("button", name="Create webhook").click()
    secret = page.get_by_role("dialog", name="The secret")
    shown = secret.locator("pre").inner_text()
    assert shown.startswith("whsec_")
    secret.get_by_role("button", name="Done").click()
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert shown not in kept and shown not in page.content()

    page.get_by_role("link", name="The shop").click()
    record = order(root, "<img src=x onerror='window.hacked=1'>")
    row = page.get_by_role("row", name="orders.created")
    expect(row).to_contain_text("retrying 1/10")
    row.get_by_role("button").click()
    sheet = page.get_by_role("dialog", name="orders.created")
    expect(sheet.get_by_label("Request", exact=True)).to_contain_text(record)
    expect(sheet.get_by_label("Answer", exact=True)).to_contain_text('"note": "<b>closed</b>"')
    expect(sheet.get_by_label("Answer", exact=True)).to_contain_text("The receiver answered 503.")
    assert page.evaluate("window.hacked") is None
    shop.status = 200
    sheet.get_by_role("button", name="Retry now").click()
    expect(sheet.get_by_text("delivered", exact=True)).to_be_visible()
    assert shop.about(record) >= 2, "it was sent once, and once more under the same id"
    sheet.get_by_role("button", name="Close").last.click()

    came = len(shop.ids("/in/orders"))
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Replay events").click()
    page.get_by_role("button", name="Count").click()
    told = page.get_by_text(" would be sent.")
    expect(told).to_be_visible()
    count = int(told.inner_text().split()[0])  # orders of other tests are among them
    assert count >= 1 and len(shop.ids("/in/orders")) == came, "nothing is sent by counting"
    page.get_by_role("button", name=f"Send {count} again").click()
    expect(page.get_by_text(f"Queued {count} deliveries")).to_be_visible()
    until(lambda: len(shop.ids("/in/orders")) >= came + count)

    page.get_by_role("button", name="Send test").click()
    page.get_by_label("Event", exact=True).select_option("orders.created")
    page.get_by_role("dialog").get_by_role("button", name="Send test").click()
    expect(page.get_by_text("The receiver answered 200")).to_be_visible()
    assert shop.ids("/in/orders")[-1].startswith("evt_test_")


def test_what_somebody_else_does_to_a_webhook_meanwhile_is_seen(
    root: httpx.Client, shop: Shop, console: Callable[..., Page]
) -> None:
    made = webhook(root, shop, active=False, description="Books")
    page = console(f"/webhooks/{made['id']}/settings", "status of 4")
    page.locator("#webhook-form-description").fill("Mine")
    page.locator("#webhook-form-filter").fill("title != ''")
    root.patch(f"/webhooks/{made['id']}", json={"description": "Theirs", "timeout": 7}).raise_for_status()
    page.get_by_role("button", name="Save webhook").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed Description")
    page.get_by_role("button", name="Keep mine").click()
    page.get_by_role("button", name="Save webhook").click()
    expect(page.get_by_text("Saved Mine")).to_be_visible()
    now = root.get(f"/webhooks/{made['id']}").json()
    assert (now["description"], now["filter"], now["timeout"]) == ("Mine", "title != ''", 7)

    page.get_by_role("link", name="Secret").click()
    page.get_by_role("button", name="Change the secret").click()
    page.get_by_role("dialog", name="The secret").get_by_role("button", name="Done").click()
    expect(page.get_by_text("Two secrets sign now")).to_be_visible()
    page.get_by_role("link", name="Verify").click()
    expect(page.get_by_label("Verify in Python")).to_contain_text("HOLDFAST_WEBHOOK_SECRET")

    page.get_by_role("link", name="Deliveries", exact=True).last.click()
    order(root, "held")
    row = page.get_by_role("row", name="orders.created")
    row.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel delivery").click()
    expect(page.get_by_role("dialog").get_by_text("given up", exact=True)).to_be_visible()
    assert deliveries(root, made["id"])[0]["error"] == "Somebody has cancelled it."
    page.keyboard.press("Escape")
    root.delete(f"/webhooks/{made['id']}").raise_for_status()
    expect(page.get_by_role("heading", name="This webhook is not there")).to_be_visible()


def test_a_dead_job_is_retried_after_the_settings_of_its_plugin_were_mended(
    root: httpx.Client, console: Callable[..., Page]
) -> None:
    root.patch("/plugins/shop/settings", json={"greeting": "Hello", "shelves": []}).raise_for_status()
    order(root, "a job that dies")
    until(lambda: bool(dead(root, "a job that dies")))
    (id,) = dead(root, "a job that dies")
    page = console("/jobs?state=dead", "status of 400")
    page.get_by_role("button", name=f"Open job {id}").click()
    sheet = page.get_by_role("dialog", name="shop.receipt")
    expect(sheet).to_contain_text("The printer has no paper.")
    expect(sheet.get_by_label("Payload")).to_contain_text("a job that dies")
    expect(sheet.get_by_role("list", name="Log").get_by_role("listitem")).to_have_text(
        [re.compile("The printer is asked for a job that dies.$"), re.compile("a job is given up$")]
    )
    sheet.get_by_role("link", name="In the log").click()
    expect(page.get_by_role("button", name="a job is given up")).to_have_count(1)
    page.go_back()
    sheet.get_by_role("link", name="shop", exact=True).click()

    page.get_by_label("Greeting").fill("Good day")
    page.get_by_role("button", name="Add shelf").click()
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#setting-shelves-0-name-wrong")).to_have_text("A value is needed.")
    expect(page.locator("#setting-shelves-0-name")).to_be_focused()
    page.get_by_label("Name", exact=True).fill("Books")
    page.get_by_label("Width", exact=True).fill("900")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#setting-shelves-0-width-wrong")).to_contain_text("<= 500")
    expect(page.locator("#setting-shelves-0-width")).to_be_focused()
    page.get_by_label("Width", exact=True).fill("90")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Saved the settings of shop")).to_be_visible()
    wanted = {"greeting": "Good day", "open": True, "shelves": [{"name": "Books", "width": 90}]}
    assert root.get("/plugins/shop/settings").json() == wanted

    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("Turned off shop")).to_be_visible()
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Turned on shop")).to_be_visible()

    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("group", name="State").get_by_role("button", name="Dead").click()
    page.get_by_role("button", name=f"Open job {id}").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_role("dialog").get_by_text("done", exact=True)).to_be_visible()
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Schedules").click()
    expect(page.get_by_role("row", name="shop.nightly")).to_contain_text("at 03:30 every day")
    page.get_by_role("button", name="Run now: shop.nightly").click()
    expect(page.get_by_text("shop.nightly starts now")).to_be_visible()
    until(lambda: bool(next(one for one in root.get("/crons").json() if one["id"] == "shop.nightly")["lastRun"]))


def test_nothing_is_wrong_on_these_screens_in_either_theme(
    root: httpx.Client, shop: Shop, console: Callable[..., Page], axe: str
) -> None:
    shop.status = 200
    made = webhook(root, shop, description="For the look of it", headers={"X-Shop": "7"})
    order(root, "looked at")
    until(lambda: bool(deliveries(root, made["id"], state="delivered")))
    root.patch("/plugins/shop/settings", json={"shelves": [{"name": "Books"}]}).raise_for_status()
    job = root.get("/jobs", params={"name": "shop.receipt"}).json()["items"][0]["id"]
    page = console("/webhooks", "status of 404", viewport={"width": 900, "height": 900})
    one = Opened(page)
    delivery = deliveries(root, made["id"])[0]["id"]
    screens = {
        "/webhooks": "For the look of it",
        "/webhooks?webhook=new": "When a delivery is tried",
        "/webhooks/deliveries": "orders.created",
        "/webhooks/events": "orders.truncated",
        f"/webhooks/{made['id']}": "orders.created",
        f"/webhooks/{made['id']}?delivery={delivery}": "Copy as curl",
        f"/webhooks/{made['id']}?test=1": "A plain test",
        f"/webhooks/{made['id']}/settings": "When a delivery is tried",
        f"/webhooks/{made['id']}/verify": "def is_genuine",
        f"/webhooks/{made['id']}/secret": "The old one signs along for",
        "/webhooks/nothing": "This webhook is not there",
        "/jobs": "shop.receipt",
        f"/jobs?job={job}": "Payload",
        "/jobs/schedules": "at 03:30 every day",
        "/plugins": "bundled",
        "/plugins/shop": "A place for things.",
        "/plugins/shop/about": "shop.nightly",
        "/data/orders/hooks": "For the look of it",
    }
    for path, shown in screens.items():
        page.evaluate(
            "path => { history.pushState(null, '', path); dispatchEvent(new Event('popstate')) }", f"/_{path}"
        )
        expect(page.get_by_text(shown).first).to_be_attached()
        page.emulate_media(color_scheme="light")
        assert one.faults(axe) == [], path
        page.emulate_media(color_scheme="dark")
        assert one.faults(axe, of_colours=True) == [], path
        assert one.wider_than_the_window() == [], path
