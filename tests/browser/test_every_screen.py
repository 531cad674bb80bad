"""Every screen of the console, light and dark, at 1440 and at 900 pixels: what it is for is on it, and it fits.

With SCREENSHOTS=FOLDER they are left there as pictures. What axe finds is asked where the screens are tried.
"""

from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, StorageState, expect

from served import Served
from web_page import Opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
WIDTHS = (1440, 900)
PLACES = {
    "name": "places",
    "listRule": "",
    "viewRule": '@request.auth.id != ""',
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "kind", "type": "select", "values": ["harbour", "island"]},
        {"name": "about", "type": "json"},
        {"name": "found", "type": "date"},
    ],
}
# Each with a text that is on it once it has what it shows.
SCREENS = {
    "/": "Collections",
    "/start": "sample data",
    "/data/places": "Isle of May",
    "/data/places?record=new": "title",
    "/data/places/schema": "found",
    "/data/places/rules": "Anyone",
    "/data/places/api": "curl",
    "/data/places/hooks": "webhook",
    "/data/places?transfer=import": "CSV",
    "/data/places?transfer=export": "NDJSON",
    "/data/_/new": "Name",
    "/data/_/draft": "draft",
    "/data/_/diagram": "places",
    "/data/_/diagram?as=list": "Points at",
    "/data/_/trash": "trash",
    "/access/rules": "places",
    "/access/tests": "test",
    "/access/roles": "role",
    "/access/keys": "key",
    "/users/users": "users",
    "/users/users/sign-in": "Password",
    "/users/users/mails": "Subject",
    "/users/_superusers": "root@example.com",
    "/files": "storage",
    "/webhooks": "webhook",
    "/webhooks/deliveries": "deliver",
    "/webhooks/events": "places.created",
    "/jobs": "job",
    "/jobs/schedules": "Schedule",
    "/jobs/workers": "serve 1",
    "/data/_/migrations": "places",
    "/data/_/migrations?show=system": "applied",
    "/plugins": "plugin",
    "/observe/logs": "Time",
    "/observe/metrics": "Requests",
    "/observe/realtime": "line",
    "/observe/sql": "SQL",
    "/audit": "collection.created",
    "/account": "Authenticator",
    "/settings": "Rate limits",
    "/settings/backups": "Schedule",
    "/settings/backups?backup=new": "in one file",
}


class Signed(msgspec.Struct, frozen=True):
    """A server with a collection, and the cookie of its superuser."""

    served: Served
    cookie: StorageState


@pytest.fixture(scope="module")
def signed(served: Served, browser: Browser) -> Iterator[Signed]:
    with httpx.Client(base_url=f"{served.url}/api", timeout=30) as client:
        body = {"identity": served.email, "password": served.password}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        client.post("/collections", json=PLACES).raise_for_status()
        for title in ("Isle of May", "Pittenweem", "Inchcolm"):
            client.post("/collections/places/records", json={"title": title, "kind": "island"}).raise_for_status()
        context = browser.new_context()
        context.request.post(f"{served.url}/api/console/session", data=body)
        yield Signed(served, context.storage_state())
        context.close()
        client.delete("/collections/places")


@pytest.mark.parametrize("path", SCREENS)
def test_a_screen_fits_and_shows_what_it_is_for(signed: Signed, opened: Callable[..., Opened], path: str) -> None:
    one = opened("", viewport={"width": WIDTHS[0], "height": 900}, storage_state=signed.cookie)
    one.page.goto(f"{signed.served.url}/_{path}")
    for width in WIDTHS:
        one.page.set_viewport_size({"width": width, "height": 900})
        expect(one.page.locator("main, [role=dialog]").filter(has_text=SCREENS[path]).first).to_be_visible()
        for scheme in ("light", "dark"):
            one.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            one.keep_picture()
        assert one.wider_than_the_window() == [], width
