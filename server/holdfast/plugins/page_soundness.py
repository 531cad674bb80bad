"""What is wrong with the pages of a plugin, before any of them is shown. Pure but for a look at their folders."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from holdfast.plugin import ConsolePage
from holdfast.plugins.action_soundness import MOST_LABEL_CHARS, are_names
from holdfast.plugins.soundness import NAME

INDEX: Final = "index.html"
GRANT: Final = re.compile(r"(?:GET|POST|PUT|PATCH|DELETE) /api(?:/(?:\*|[A-Za-z0-9_.~-]+))+")


def wrong_pages(pages: Sequence[Any]) -> str:
    """What is wrong, as the end of a sentence; empty if nothing."""
    seen = set[str]()
    for one in pages:
        found = _wrong_page(one)
        if found:
            return found
        if one.name in seen:
            return f"it has two pages called {one.name}"
        seen.add(one.name)
    return ""


def _wrong_page(given: Any) -> str:
    if not isinstance(given, ConsolePage):
        return f"its pages() hold {type(given).__name__}, where a ConsolePage is expected"
    name: Any = given.name
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        return "the name of a page has to be small letters, digits and underscores, a letter first, at most 40"
    what = f"the page {name}"
    label, folder, may, collections = _parts(given)
    if not isinstance(label, str) or not label.strip() or len(label) > MOST_LABEL_CHARS:
        return f"`label` of {what} has to be a text of 1 to {MOST_LABEL_CHARS} characters"
    if not isinstance(folder, Path) or not (folder / INDEX).is_file():
        return f"`folder` of {what} has to be a pathlib.Path to a folder with an {INDEX}"
    if not are_names(may) or not all(GRANT.fullmatch(one) for one in may):
        return f'`may` of {what} has to be like "GET /api/collections/posts/records", each with one method and path'
    return "" if are_names(collections) else f"`collections` of {what} has to be names of collections"


def _parts(page: Any) -> tuple[Any, Any, Any, Any]:
    """What a plugin gave, whatever it is."""
    return page.label, page.folder, page.may, page.collections
