"""Pages of plugins in the console: in a frame that reaches what it is granted, and nothing else."""

import shutil
from collections.abc import Callable, Iterator
from typing import Literal

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from postgres_host import EMAIL, PASSWORD, new_home
from served import Served, Server
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PLUGIN = '''
from pathlib import Path
from holdfast.plugin import *

HERE = Path(__file__).parent / "_board"
MAY = ["GET /api/collections/posts/records", "POST /api/collections/posts/records"]

class Board(Plugin):
    """Has a board."""
    name = "board"
    def pages(self):
        return (
            ConsolePage(name="main", label="Board", folder=HERE, may=MAY),
            ConsolePage(name="beside", label="Beside", folder=HERE, collections=["posts"]),
        )
'''
HTML = """<!doctype html><title>Board</title>
<h1>Board</h1><p id="asked"></p><ul id="told"></ul>
<button id="show">Open the post</button><button id="say">Say it</button>
<script type="module" src="board.js"></script>
"""
SCRIPT = """
const tell = (text) => { const li = document.createElement('li'); li.textContent = text; told.append(li) }
const tried = (what, run) => { try { tell(`${what}: ${run()}`) } catch (failure) { tell(`${what}: ${failure.name}`) } }
addEventListener('message', ({ data, ports }) => {
  if (data.call !== 'hello') return
  const port = ports[0]
  const waiting = new Map()
  let next = 1
  const api = (method, path, body) => new Promise((done) => {
    waiting.set(next, done)
    port.postMessage({ id: next++, call: 'api', method, path, body })
  })
  port.onmessage = ({ data }) => data.call === 'look' ? tell(`look ${data.scheme}`) : waiting.get(data.id)(data)
  const surface = data.tokens['--surface'] ? 'known' : 'unknown'
  asked.textContent = `surface ${surface}, collection ${data.collection || 'none'}`
  show.onclick = async () => {
    const { items } = (await api('GET', '/api/collections/posts/records')).data
    port.postMessage({ call: 'open', collection: 'posts', record: items[0].id })
  }
  say.onclick = () => port.postMessage({ call: 'toast', text: 'Said by the board' })
  ;(async () => {
    tried('cookie', () => document.cookie)
    tried('storage', () => localStorage.length)
    tried('console', () => parent.document.title)
    tell(`fetch: ${await fetch('/api/health').then((one) => one.status, () => 'refused')}`)
    const list = await api('GET', '/api/collections/posts/records?fields=title')
    tell(`granted: ${list.status} ${list.data?.items?.map((one) => one.title)}`)
    tell(`settings: ${(await api('GET', '/api/settings')).status}`)
    tell(`around: ${(await api('GET', '/api/collections/posts/records/../../../settings')).status}`)
    tell('over')
  })()
})
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    """A server with the plugin, and one post."""
    folder = new_home()
    (folder / "plugins" / "_board").mkdir(parents=True)
    (folder / "plugins" / "board.py").write_text(PLUGIN)
    (folder / "plugins" / "_board" / "index.html").write_text(HTML)
    (folder / "plugins" / "_board" / "board.js").write_text(SCRIPT)
    server = Server(folder / "data", "--port", "0")
    try:
        served = Served(server.started())
        with httpx.Client(base_url=f"{served.url}/api", timeout=60) as client:
            login = {"identity": EMAIL, "password": PASSWORD}
            token = client.post("/collections/_superusers/auth-with-password", json=login).json()["token"]
            client.headers["Authorization"] = token
            made = {"name": "posts", "fields": [{"name": "title", "type": "text", "presentable": True}]}
            client.post("/collections", json=made).raise_for_status()
            client.post("/collections/posts/records", json={"title": "First"}).raise_for_status()
        yield served
        assert server.stop() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def console(site: Served, opened: Callable[..., Opened]) -> Callable[[str], Opened]:
    """Opens a screen, logged in. That a page's own request is refused by its policy is said in the log."""

    def open_screen(path: str) -> Opened:
        one = opened("Content Security Policy", viewport={"width": 1440, "height": 900})
        one.page.goto(f"{site.url}/_{path}")
        one.page.get_by_label("Email").fill(EMAIL)
        one.page.get_by_label("Password", exact=True).fill(PASSWORD)
        one.page.get_by_role("button", name="Sign in").click()
        return one

    return open_screen


def board(page: Page, title: str) -> FrameLocator:
    """The frame, when its script has come to its end."""
    frame = page.frame_locator(f"iframe[title={title}]")
    expect(frame.get_by_text("over", exact=True)).to_be_visible()
    return frame


def test_a_page_gets_what_it_is_granted_and_nothing_else(console: Callable[[str], Opened]) -> None:
    page = console("/plugins/board/page/main").page
    frame = board(page, "Board")
    expect(frame.get_by_text("surface known, collection none")).to_be_visible()
    expect(frame.get_by_role("listitem")).to_have_text(
        [
            "cookie: SecurityError",
            "storage: SecurityError",
            "console: SecurityError",
            "fetch: refused",
            "granted: 200 First",
            "settings: 403",
            "around: 403",
            "over",
        ]
    )


def test_a_page_follows_the_theme_tells_something_and_opens_a_record(console: Callable[[str], Opened]) -> None:
    page = console("/plugins/board/page/main").page
    frame = board(page, "Board")
    page.get_by_role("button", name="Theme: system").click()
    expect(frame.get_by_role("listitem").filter(has_text="look light")).to_be_visible()
    frame.get_by_role("button", name="Say it").click()
    expect(page.get_by_text("Said by the board")).to_be_visible()
    frame.get_by_role("button", name="Open the post").click()
    expect(page.get_by_role("dialog", name="First")).to_be_visible()


def test_a_page_beside_records_is_a_tab_and_is_granted_what_its_own_says(console: Callable[[str], Opened]) -> None:
    page = console("/data/posts").page
    page.get_by_role("navigation", name="posts").get_by_role("link", name="Beside").click()
    frame = board(page, "Beside")
    expect(frame.get_by_text("surface known, collection posts")).to_be_visible()
    expect(frame.get_by_text("granted: 403 undefined")).to_be_visible()


def test_a_page_that_is_opened_by_itself_has_no_cookie_and_no_network(console: Callable[[str], Opened]) -> None:
    page = console("/plugins/board/page/main").page
    board(page, "Board")
    page.goto(page.url.partition("/_/")[0] + "/api/plugin-pages/board/main/index.html")
    expect(page.get_by_role("heading", name="Board")).to_be_visible()
    assert page.evaluate("origin") == "null"
    assert page.evaluate("fetch('/api/console/session').then(() => 'sent', () => 'refused')") == "refused"


def test_a_plugin_that_is_turned_off_takes_its_pages_along(console: Callable[[str], Opened]) -> None:
    page = console("/plugins/board/page/main").page
    board(page, "Board")
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("It is off: its pages are there while it is on.")).to_be_visible()
    page.get_by_role("button", name="Turn on").click()
    board(page, "Board")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_on_the_screen_around_a_page(
    console: Callable[[str], Opened], axe: str, scheme: Literal["light", "dark"]
) -> None:
    one = console("/plugins/board/page/main")
    one.page.emulate_media(color_scheme=scheme)
    board(one.page, "Board")
    assert one.faults(axe) == []
