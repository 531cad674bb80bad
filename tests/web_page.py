"""What the tests of pages see: a page with what it said and asked for, and what is wrong with it."""

import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

# A colour that is still changing is none that is meant. What is right, axe tells of as well, in megabytes. Into the
# frames, which have an origin of their own, it cannot look, and its trying is a warning in the console.
FAULTS = """async (rules) => {
    for (const one of document.getAnimations()) { try { one.finish() } catch { /* one without an end */ } }
    const {violations} = await axe.run({resultTypes: ["violations"], iframes: false, ...rules})
    return violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 120)}`))
}"""
# What reaches over the right edge. A page that was resized just now may need a moment.
TOO_WIDE = """async () => {
    const page = document.documentElement
    // What is made to be scrolled sideways: tables, code, texts to write in, and rows of tabs.
    const may = "table, [role=grid], [role=tablist], pre, code, textarea, .cm-editor, .svelte-flow, nav"
    const scrolled = () => [...document.querySelectorAll("main, main *, [role=dialog] *")].filter(one =>
        one.scrollWidth > one.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(one).overflowX) &&
        !one.matches(may) && !one.closest(may) && !one.querySelector(may))
    const fits = () => page.scrollWidth <= innerWidth && !scrolled().length
    const since = performance.now()
    while (!fits() && performance.now() - since < 5000) await new Promise(requestAnimationFrame)
    if (fits()) return []
    const wide = [...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > innerWidth)
    const found = [...scrolled(), ...wide.slice(0, 10)].map(one => one.outerHTML.slice(0, 200))
    return found.concat(`${page.scrollWidth} of ${innerWidth}`)
}"""
HOST = "holdfast.test"
"""A name that the browser finds on this machine, which no server takes for a name of this machine."""


def chromium() -> str | None:
    """The path of the browser."""
    names = ("chromium-headless-shell", "chromium", "google-chrome")  # the first takes a third of the processor's time
    return next(filter(None, map(shutil.which, names)), None)


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

    def wider_than_the_window(self) -> list[str]:
        """What makes the page or a part of it wider than there is room, so that one would have to scroll sideways."""
        return self.page.evaluate(TOO_WIDE)

    def faults(self, axe: str, *, of_colours: bool = False) -> list[str]:
        """What axe-core finds wrong, as a line for each element; `of_colours`: where the rest was looked at before."""
        self.keep_picture()
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe)
        return self.page.evaluate(FAULTS, {"runOnly": ["color-contrast"]} if of_colours else {})

    def keep_picture(self) -> None:
        """Leave a picture of what is looked at in the folder that SCREENSHOTS names, where it does."""
        folder = os.environ.get("SCREENSHOTS")
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        width, scheme, place = self.page.evaluate(
            "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light', "
            "decodeURIComponent(location.pathname + location.search).slice(0, 100)]"
        )
        name = f"{re.sub('[^a-z0-9]+', '-', place.lower()).strip('-') or 'home'} {scheme} {width}"
        taken = len(list(Path(folder).glob(f"{name}*.png")))  # what is open differs where the address does not
        self.page.screenshot(path=Path(folder) / f"{name}{f' {taken + 1}' if taken else ''}.png")
