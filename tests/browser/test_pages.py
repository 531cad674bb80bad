"""Every page of the server, light and dark, wide and narrow: nothing is wrong on it, and nothing comes from elsewhere.

With SCREENSHOTS=FOLDER they are left there as pictures.
"""

import base64
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.sync_api import Page, expect

from served import EMAIL, PASSWORD, Served, Server
from web_page import HOST, Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
WIDTHS = (1440, 900, 375)
POSTS = {
    "name": "posts",
    "listRule": "",
    "fields": [{"name": "title", "type": "text"}, {"name": "kind", "type": "select", "values": ["a", "b"]}],
}


class Shown(msgspec.Struct, frozen=True):
    """A page in a state worth looking at: its path, and what brings it there."""

    path: str
    bring: Callable[[Page], None] = lambda _: None
    host: str = "127.0.0.1"
    refused: str = ""
    """The status of an answer that belongs to this state: browsers tell of each refusal on the console."""


def documented(page: Page) -> None:
    expect(page.locator(".opblock-tag").first).to_be_visible()


def described(page: Page) -> None:
    """One collection is open, and in it a request that was tried."""
    documented(page)
    page.locator("#operations-tag-posts").click()
    page.locator(".opblock-summary").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_be_visible()


def authorizing(page: Page) -> None:
    documented(page)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_label("Close").first).to_be_visible()


def headed(text: str) -> Callable[[Page], None]:
    return lambda page: expect(page.get_by_role("heading", name=text)).to_be_visible()


# As much of a token as the page itself reads.
LINK = "x.{}.x".format(
    base64.urlsafe_b64encode(b'{"collectionId":"x","newEmail":"new@example.com"}').decode().strip("=")
)
PAGES = {
    "api": Shown("/api/docs", documented),
    "api request": Shown("/api/docs", described),
    "api authorize": Shown("/api/docs", authorizing),
    "api login": Shown("/api/docs", lambda page: expect(page.get_by_label("Email")).to_be_focused(), HOST),
    "setup done before": Shown("/_/setup#token=x", headed("This server is set up"), refused="404"),
    "link to nowhere": Shown("/_/links", headed("There is nothing to do here")),
    "console": Shown("/_/", headed("Sign in")),
    "link to a password": Shown(f"/_/#/auth/confirm-password-reset/{LINK}", headed("Choose a new password")),
    "link to an email": Shown(f"/_/#/auth/confirm-email-change/{LINK}", headed("Confirm your new email")),
}


@pytest.fixture(scope="module")
def site(served: Served) -> Served:
    body = {"identity": served.email, "password": served.password}
    with httpx.Client(base_url=f"{served.url}/api") as client:
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.post("/collections", json=POSTS, headers={"Authorization": token}).raise_for_status()
    return served


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wrong_on_a_page(site: Served, opened: Callable[..., Opened], axe: str, name: str) -> None:
    shown = PAGES[name]
    expected = f"the server responded with a status of {shown.refused}" if shown.refused else ""
    one = opened(expected, viewport={"width": WIDTHS[0], "height": 900})
    one.page.goto(site.url.replace("127.0.0.1", shown.host) + shown.path)
    shown.bring(one.page)
    look(one, axe, name)


def test_the_pages_of_the_api_are_shown_to_a_superuser_who_logs_in(site: Served, opened: Callable[..., Opened]) -> None:
    one = opened("the server responded with a status of 400")
    page = one.page
    page.goto(site.url.replace("127.0.0.1", HOST) + "/api/docs")
    page.get_by_label("Email").fill(site.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert").first).to_contain_text("Failed to authenticate")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Log in").click()
    page.locator("#operations-tag-collections").click()
    page.locator("#operations-collections-get_collections .opblock-summary").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    # The token of the login goes with what is tried.
    expect(page.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    assert page.url.endswith("#/collections/get_collections")


def test_the_first_run_goes_from_its_link_to_a_request_that_turns_green(
    anywhere: Path, opened: Callable[..., Opened], axe: str
) -> None:
    server = Server(anywhere / "data", "--port", "0", first=True)
    started = server.wait_for("started")
    one = opened("the server responded with a status of 400")
    page = one.page
    page.goto(started["setup_link"])
    expect(page.get_by_label("Email")).to_be_focused()
    assert page.url == f"{started['address']}/_/setup"  # without the token
    look(one, axe, "setup")
    page.get_by_label("Email").fill("me at example")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Make superuser").click()
    expect(page.locator("#email-wrong")).not_to_be_empty()
    expect(page.locator("#password-wrong")).not_to_be_empty()
    assert page.url == f"{started['address']}/_/setup"
    look(one, axe, "setup refused")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Name of the application").fill("Harbour")
    page.get_by_role("button", name="Make superuser").click()
    expect(page.get_by_role("heading", name="How do you want to begin?")).to_be_visible()
    look(one, axe, "beginning")
    page.get_by_role("button", name="Blank collection").click()
    expect(page.get_by_role("heading", name="Your first collection")).to_be_visible()
    look(one, axe, "first collection")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("#new-name").fill("tasks")
    page.get_by_label("Anyone may read").check()
    page.get_by_role("button", name="Create collection").click()
    page.locator("#record-title").fill("Ship it")
    page.get_by_role("button", name="Create record").click()
    expect(page.get_by_role("gridcell", name="Ship it")).to_be_visible()
    listed = httpx.get(f"{started['address']}/api/collections/tasks/records").json()["items"]
    assert [item["title"] for item in listed] == ["Ship it"]
    page.get_by_role("link", name="Call it from your code").click()
    page.get_by_role("button", name="Make a key for this").click()
    code = page.locator("pre.code")
    expect(code).to_contain_text("hf_")
    key = next(part for part in code.inner_text().replace('"', " ").split() if part.startswith("hf_"))
    answer = httpx.get(f"{started['address']}/api/collections/tasks/records", headers={"X-API-Key": key})
    assert answer.status_code == 200
    expect(page.get_by_text("It works.")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    assert "eyJ" not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")

    login = f"{started['address']}/api/collections/_superusers/auth-with-password"
    assert httpx.post(login, json={"identity": EMAIL, "password": PASSWORD}).status_code == 200
    again = opened("the server responded with a status of 404")
    again.page.goto(started["setup_link"])
    expect(again.page.get_by_role("heading")).to_have_text("This server is set up")
    for one_page in (page, again.page):
        one_page.close()  # it asks how things stand, now and then
    assert server.stop() == 0


def look(one: Opened, axe: str, name: str) -> None:
    """Look at a page in each width, light and dark, and have it examined wide when it is light, narrow when dark."""
    for width in WIDTHS:
        one.page.set_viewport_size({"width": width, "height": 900})
        assert one.wider_than_the_window() == [], (name, width)
        for scheme in ("light", "dark"):
            one.page.emulate_media(color_scheme=scheme)
            picture(one.page, f"{name} {scheme} {width}")
            if (scheme, width) in (("light", WIDTHS[0]), ("dark", WIDTHS[-1])):
                assert one.faults(axe) == [], (name, scheme, width)
    one.page.set_viewport_size({"width": WIDTHS[0], "height": 900})


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
