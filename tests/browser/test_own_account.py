"""One's own account in the console: a passkey, an authenticator, sessions, and keys of one's own."""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from pyotp.totp import TOTP

from holdfast.testing.postgres_host import new_home
from served import EMAIL, PASSWORD, Server
from tls_postgres import free_port
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server under a name of this machine, which passkeys are bound to."""
    port = free_port()
    url = f"http://localhost:{port}"
    folder = new_home()
    server = Server(folder / "data", "--port", str(port), environment={"HOLDFAST_PUBLIC_URL": url})
    server.started()
    yield url
    assert server.stop() == 0
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def one(opened: Callable[..., Opened]) -> Opened:
    return opened("status of 40", viewport={"width": 1440, "height": 900})


def sign_in(page: Page, address: str, path: str) -> None:
    page.goto(f"{address}/_{path}")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def faults(one: Opened, axe: str) -> list[str]:
    """What is wrong in the light theme, and with the colours of the dark one."""
    found = one.faults(axe)
    one.page.emulate_media(color_scheme="dark")
    found += one.faults(axe, of_colours=True)
    one.page.emulate_media(color_scheme="light")
    return found


def test_a_passkey_that_is_made_in_the_account_signs_in(address: str, one: Opened) -> None:
    page = one.page
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    sign_in(page, address, "/account")
    page.get_by_label("Name of the new passkey").fill("My telephone")
    page.get_by_role("button", name="Make a passkey").click()
    drop = page.get_by_role("button", name="Delete the passkey My telephone")
    expect(drop).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("navigation", name="Sections")).to_be_visible()
    page.goto(f"{address}/_/account")
    drop.click()
    page.get_by_role("dialog", name="Delete the passkey My telephone?").get_by_role("button", name="Delete").click()
    expect(drop).to_be_hidden()
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Failed to authenticate")


def test_an_authenticator_is_turned_on_asked_for_and_turned_off(address: str, one: Opened, axe: str) -> None:
    page = one.page
    sign_in(page, address, "/account")
    page.get_by_role("button", name="Use an authenticator…").click()
    sheet = page.get_by_role("dialog", name="Use an authenticator")
    expect(sheet.get_by_role("img", name="The secret as a QR code")).to_be_visible()
    app = TOTP(sheet.locator("code").inner_text())
    sheet.get_by_label("The code that it shows now").fill("000000")
    sheet.get_by_role("button", name="Turn on").click()
    expect(sheet.locator("#own-totp-code-wrong")).to_be_visible()
    assert faults(one, axe) == []
    sheet.get_by_label("The code that it shows now").fill(app.now())
    sheet.get_by_role("button", name="Turn on").click()
    codes = page.get_by_label("Recovery codes", exact=True).inner_text().split()
    assert len(codes) == 10
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes left")).to_be_visible()
    sign_out(page)
    sign_in(page, address, "/account")
    page.get_by_label("Code of your authenticator").fill(codes[0])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("9 recovery codes left")).to_be_visible()
    page.get_by_role("button", name="Turn off…").click()
    page.get_by_label("A code of the app").fill(codes[1])
    page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    expect(page.get_by_role("button", name="Use an authenticator…")).to_be_visible()


def test_a_shortcut_is_given_other_keys_and_none(address: str, one: Opened, axe: str) -> None:
    page = one.page
    sign_in(page, address, "/account")
    change = page.get_by_role("button", name="Change the keys for Go to Files")
    change.click()
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.get_by_role("alert").filter(has_text="Go to Webhooks")).to_be_visible()
    change.click()
    page.keyboard.press("F8")
    expect(page.locator("main .kbd", has_text="F8")).to_be_visible()
    assert faults(one, axe) == []
    page.reload()
    expect(page.locator("main .kbd", has_text="F8")).to_be_visible()
    page.get_by_role("heading", name="Your account").click()
    page.keyboard.press("F8")
    expect(page).to_have_url(re.compile("/files$"))
    page.goto(f"{address}/_/account")
    page.get_by_role("button", name="Turn off Go to Files").click()
    page.get_by_role("heading", name="Your account").click()
    page.keyboard.press("F8")
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.keyboard.press("?")  # is heard after them
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    assert page.url.endswith("/account")
    page.get_by_role("dialog").get_by_role("button", name="The usual keys for Go to Files").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("/files$"))


def test_a_page_of_the_account_is_whole_in_both_widths(address: str, one: Opened) -> None:
    sign_in(one.page, address, "/account")
    for width in (1440, 900):
        one.page.set_viewport_size({"width": width, "height": 900})
        expect(one.page.get_by_role("heading", name="Sessions")).to_be_visible()
        one.keep_picture()
        assert one.wider_than_the_window() == []
