"""What the tests of pages see: a page with what it said and asked for, and what is wrong with it."""

import shutil
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

HOST = "holdfast.test"
"""A name that the browser finds on this machine, which no server takes for a name of this machine."""


def chromium() -> str | None:
    """The path of the browser."""
    return shutil.which("chromium") or shutil.which("google-chrome")


class Opened:
    """A page in the browser. `complaints` are its errors, but those with `expected` in them; violations of the
    Content-Security-Policy are among them. `foreign` are the addresses it asked for on other servers than its own.
    """

    def __init__(self, page: Page, expected: str = "") -> None:
        self.page = page
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self._expected = expected
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if not (self._expected and self._expected in message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        wanted, own = urlsplit(request.url), urlsplit(self.page.url)
        if wanted.scheme != "data" and own.netloc and wanted.netloc != own.netloc:
            self.foreign.append(request.url)

    def is_wider_than_the_window(self) -> bool:
        """Whether the page would have to be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def faults(self, axe: str) -> list[str]:
        """What axe-core finds wrong, as a line for each element."""
        self.page.evaluate(axe)
        found: dict[str, Any] = self.page.evaluate("axe.run()")
        return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
