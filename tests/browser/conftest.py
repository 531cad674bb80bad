"""A real browser, and pages of it on which nothing may go wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from node import install, missing
from web_page import HOST, Opened, chromium

AXE = Path(__file__).parent / "axe"
# What a page should show, it shows at once; on a machine with every core busy the API's page needed more than 5 s.
expect.set_options(timeout=30_000)


# Not for the whole session: while Playwright runs, no asyncio loop of another test can run in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, in which HOST is this machine."""
    found = chromium()
    if found is None:
        missing("Chromium is not installed: the pages are not looked at")
    arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Opens pages: `opened(color_scheme="dark")`. At the end none may have complained, or asked another server."""
    contexts: list[BrowserContext] = []
    pages: list[Opened] = []

    def open_page(expected: str = "", **options: object) -> Opened:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        pages.append(Opened(context.new_page(), expected))
        return pages[-1]

    yield open_page
    for context in contexts:
        context.close()
    assert [complaint for one in pages for complaint in one.complaints] == []
    assert [address for one in pages for address in one.foreign] == []


@pytest.fixture
def page(opened: Callable[..., Opened]) -> Page:
    """One page as it comes, on which the server may refuse what is sent."""
    return opened("the server responded with a status of 400").page


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, installed from its lock file."""
    install(AXE)
    return (AXE / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
