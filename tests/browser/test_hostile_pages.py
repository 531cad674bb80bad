"""What an attacker would have a browser do with the pages of the server: it does none of it."""

import base64
import html
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PAGES = ["/_/", "/_/setup", "/api/docs", "/api/health", "/_/preview"]
MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><a href="javascript:hacked=1">x</a>'


@pytest.fixture(scope="module")
def evil() -> Iterator[str]:
    """Another site, which shows whatever page is asked for in `?page=` in a frame."""

    class Frames(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown = html.escape(self.path.partition("?page=")[2])
            body = f'<title>evil</title><iframe src="{shown}"></iframe>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Frames)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hostile(browser: Browser) -> Iterator[Page]:
    """A page that may complain: that it forbids something is what is looked for."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def root(served: Served) -> Iterator[httpx.Client]:
    """The server, asked as its superuser."""
    with httpx.Client(base_url=f"{served.url}/api") as client:
        body = {"identity": served.email, "password": served.password}
        answer = client.post("/collections/_superusers/auth-with-password", json=body)
        client.headers["Authorization"] = answer.json()["token"]
        yield client


@pytest.mark.parametrize("path", PAGES)
def test_no_other_site_shows_a_page_in_a_frame(served: Served, evil: str, hostile: Page, path: str) -> None:
    hostile.goto(f"{evil}/?page={served.url}{path}")
    (frame,) = hostile.main_frame.child_frames
    assert frame.url.startswith("chrome-error:"), frame.url
    hostile.goto(f"{evil}/?page={evil}/")
    (frame,) = hostile.main_frame.child_frames
    assert frame.url == f"{evil}/", "a page that says nothing of frames is shown"


@pytest.mark.parametrize("path", PAGES[:3])
def test_a_script_that_got_into_a_page_does_not_run(served: Served, hostile: Page, path: str) -> None:
    hostile.goto(served.url + path)
    hostile.evaluate(
        """markup => {
            document.body.insertAdjacentHTML("beforeend", markup);
            for (const text of ["window.hacked = 1", "document.body.onclick = () => hacked = 1"]) {
                const script = document.createElement("script");
                script.textContent = text;
                document.body.append(script);
            }
            const base = document.createElement("base");
            base.href = "https://evil.example/";
            document.head.prepend(base);
            const form = document.createElement("form");
            form.action = "https://evil.example/";
            document.body.append(form);
            form.submit();
        }""",
        MARKUP,
    )
    hostile.wait_for_timeout(200)
    assert hostile.evaluate("window.hacked") is None
    assert hostile.evaluate("document.baseURI").startswith(served.url)
    assert hostile.url.startswith(served.url)


def test_what_somebody_wrote_into_a_schema_is_text_in_the_pages_of_the_api(
    served: Served, root: httpx.Client, hostile: Page
) -> None:
    fields = [
        {"name": "title", "type": "text", "help": MARKUP, "pattern": "<script>"},
        {"name": "kind", "type": "select", "values": [MARKUP, "b"]},
    ]
    body = {"name": "hostile", "listRule": "", "comment": MARKUP, "fields": fields}
    assert root.post("/collections", json=body).status_code == 200
    assert json.dumps(MARKUP) in root.get("/openapi.json").text, "or there is nothing to see"
    hostile.goto(f"{served.url}/api/docs")
    hostile.locator("#operations-tag-hostile").click()
    hostile.locator(".opblock-summary").first.click()
    expect(hostile.locator(".opblock-body").first).to_be_visible()
    hostile.wait_for_timeout(200)
    assert hostile.evaluate("window.hacked") is None
    assert hostile.locator("img[onerror]").count() == 0
    assert hostile.locator('a[href^="javascript:"]').count() == 0
    assert root.delete("/collections/hostile").status_code == 204


def test_a_record_that_is_opened_in_a_browser_is_text(served: Served, root: httpx.Client, hostile: Page) -> None:
    fields = [{"name": "title", "type": "editor"}]
    assert root.post("/collections", json={"name": "notes", "viewRule": "", "fields": fields}).status_code == 200
    id = root.post("/collections/notes/records", json={"title": MARKUP}).json()["id"]
    hostile.goto(f"{served.url}/api/collections/notes/records/{id}")
    hostile.wait_for_timeout(200)
    assert hostile.evaluate("window.hacked") is None
    assert hostile.locator("img").count() == 0
    assert root.delete("/collections/notes").status_code == 204


@pytest.mark.parametrize(
    "fragment",
    [
        f"/auth/confirm-password-reset/{MARKUP}",
        f"/auth/{MARKUP}/x.x.x",
        "/auth/confirm-email-change/x.{}.x",
        "javascript:hacked=1",
    ],
)
def test_what_stands_in_a_link_is_text_on_its_page(served: Served, hostile: Page, fragment: str) -> None:
    said = base64.urlsafe_b64encode(json.dumps({"collectionId": "x", "newEmail": MARKUP}).encode()).decode().strip("=")
    hostile.goto(f"{served.url}/_/#{fragment.replace('{}', said)}")
    expect(hostile.get_by_role("heading").first).to_be_visible()
    hostile.wait_for_timeout(200)
    assert hostile.evaluate("window.hacked") is None
    assert hostile.locator("img[onerror]").count() == 0
