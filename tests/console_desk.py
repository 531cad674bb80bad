"""A server that is asked as its superuser, and its console in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Page

from served import Served


class ConsoleDesk:
    """Both ways to the same records. What it defines is gone when it is left."""

    def __init__(self, served: Served, client: httpx.Client) -> None:
        self.served = served
        self.client = client
        self.defined: list[str] = []

    def define(self, name: str, fields: list[dict[str, Any]], **options: Any) -> None:
        """A collection."""
        self.defined.append(name)
        answer = self.client.post("/collections", json={"name": name, "fields": fields, **options})
        assert answer.status_code == 200, answer.text

    def make(self, collection: str, *records: dict[str, Any]) -> list[str]:
        """Records; their ids."""
        url = f"/api/collections/{collection}/records"
        ids: list[str] = []
        for start in range(0, len(records), 50):
            requests = [{"method": "POST", "url": url, "body": one} for one in records[start : start + 50]]
            answer = self.client.post("/batch", json={"requests": requests})
            assert answer.status_code == 200, answer.text
            ids += [one["body"]["id"] for one in answer.json()]
        return ids

    def records(self, collection: str, **query: str | int) -> list[dict[str, Any]]:
        """What the API says."""
        answer = self.client.get(f"/collections/{collection}/records", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def open(self, page: Page, path: str) -> Page:
        """The screen at a path, logged in."""
        page.goto(f"{self.served.url}/_{path}")
        page.get_by_label("Email").fill(self.served.email)
        page.get_by_label("Password", exact=True).fill(self.served.password)
        page.get_by_role("button", name="Sign in").click()
        return page

    def go(self, page: Page, path: str) -> None:
        """Another screen, by its address."""
        page.goto(f"{self.served.url}/_{path}")


@contextmanager
def console_desk(served: Served) -> Iterator[ConsoleDesk]:
    """The desk of a server."""
    with httpx.Client(base_url=f"{served.url}/api", timeout=60) as client:
        body = {"identity": served.email, "password": served.password}
        token = client.post("/collections/_superusers/auth-with-password", json=body).json()["token"]
        client.headers["Authorization"] = token
        desk = ConsoleDesk(served, client)
        yield desk
        for name in reversed(desk.defined):
            client.delete(f"/collections/{name}")
