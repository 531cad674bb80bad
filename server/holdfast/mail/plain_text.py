"""The text of a mail without its HTML: for programs that show none, and for the log."""

import re
from html.parser import HTMLParser
from typing import Final

from typing_extensions import override

_BLOCKS: Final = frozenset("address article blockquote div dl h1 h2 h3 h4 h5 h6 main ol p pre section table ul".split())
_LINES: Final = frozenset(("br", "dd", "dt", "hr", "li", "tr"))
_SILENT: Final = frozenset(("head", "script", "style", "template", "title"))
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")


def plain_text(html: str) -> str:
    """What a person would read: paragraphs with an empty line between them, the address of a link behind its words."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._silent = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._parts.append("\n\n")
        elif tag in _LINES:
            self._parts.append("\n- " if tag == "li" else "\n")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._parts)))

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self._parts.append("\n\n")
        elif tag == "a" and self._links:
            address, start = self._links.pop()
            words = "".join(self._parts[start:]).strip()
            if address and address != words:
                self._parts.append(f" ({address})" if words else address)

    @override
    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(_SPACE.sub(" ", data))

    def text(self) -> str:
        lines = [line.strip() for line in "".join(self._parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
