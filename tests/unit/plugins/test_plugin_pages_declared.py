"""What is wrong with the pages of a plugin is said before any of them is shown."""

from pathlib import Path
from typing import Any

import pytest

from holdfast.plugin import ConsolePage
from holdfast.plugins.page_soundness import wrong_pages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<p>Hello")
    return tmp_path


def page(there: Path, **changes: Any) -> ConsolePage:
    given: dict[str, Any] = {"name": "board", "label": "Board", "folder": there, **changes}
    return ConsolePage(**given)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "The board"}, "the name of a page has to be small letters"),
        ({"name": 3}, "the name of a page has to be small letters"),
        ({"label": " "}, "`label` of the page board has to be a text of 1 to 60 characters"),
        ({"label": None}, "`label` of the page board has to be a text of 1 to 60 characters"),
        ({"folder": "board"}, "`folder` of the page board has to be a pathlib.Path to a folder with an index.html"),
        ({"folder": Path("/nowhere")}, "`folder` of the page board has to be a pathlib.Path"),
        ({"may": "GET /api/health"}, "`may` of the page board has to be like"),
        ({"may": ["/api/health"]}, "`may` of the page board has to be like"),
        ({"may": ["get /api/health"]}, "`may` of the page board has to be like"),
        ({"may": ["GET /_/"]}, "`may` of the page board has to be like"),
        ({"may": ["GET /api/posts*"]}, "`may` of the page board has to be like"),
        ({"may": ["GET /api/x?filter=1"]}, "`may` of the page board has to be like"),
        ({"may": [3]}, "`may` of the page board has to be like"),
        ({"collections": "posts"}, "`collections` of the page board has to be names of collections"),
    ],
)
def test_a_page_that_cannot_be_says_why(folder: Path, changes: dict[str, Any], reason: str):
    assert wrong_pages([page(folder, **changes)]).startswith(reason)


def test_what_is_no_page_and_two_of_one_name_are_told(folder: Path):
    assert wrong_pages(["board"]) == "its pages() hold str, where a ConsolePage is expected"
    assert wrong_pages([page(folder), page(folder)]) == "it has two pages called board"


def test_a_sound_page_has_nothing_wrong(folder: Path):
    may = ["GET /api/collections/posts/records", "PATCH /api/collections/posts/records/*"]
    assert wrong_pages([page(folder, may=may, collections=("posts",)), page(folder, name="other")]) == ""
