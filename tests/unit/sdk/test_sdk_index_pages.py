"""The pages of the index: which kind of page is wanted, and what it says of a file."""

import re
from datetime import UTC, datetime

import msgspec
import pytest

from holdfast.sdk.index import HTML, JSON, PLAIN_HTML, chosen, normal, project
from holdfast.sdk.shelf import Shelved

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FILE = Shelved("a-1-py3-none-any.whl", "1", "ab" * 32, 5, b"Name: a\n", datetime(2026, 11, 20, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", PLAIN_HTML),
        ("*/*", PLAIN_HTML),
        (PIP, JSON),
        (BROWSER, PLAIN_HTML),
        ("application/vnd.pypi.simple.v1+html", HTML),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.v1+json;q=0.2, text/html", PLAIN_HTML),
        ("APPLICATION/vnd.pypi.simple.v1+JSON ; Q=1.0, text/html;q=0.9", JSON),
        ("application/vnd.pypi.simple.v1+json;q=0", PLAIN_HTML),
        ("application/vnd.pypi.simple.v1+json;q=nonsense", PLAIN_HTML),
        ("application/vnd.pypi.simple.v2+json", PLAIN_HTML),
        (";;,,=,q=1", PLAIN_HTML),
    ],
)
def test_the_page_is_of_the_kind_that_is_wanted_most(accept: str, kind: str):
    assert chosen(accept) == kind


@pytest.mark.parametrize("name", ["Holdfast_Client.Acme", "holdfast--client_-.acme", "holdfast-client-acme"])
def test_a_project_has_one_name_however_it_is_spelt(name: str):
    assert normal(name) == "holdfast-client-acme"


def test_both_kinds_of_page_say_the_same_of_a_file():
    said = msgspec.json.decode(project("a", (FILE,), JSON))
    (file,) = said["files"]
    assert said["versions"] == ["1"]
    assert file["upload-time"] == "2026-11-20T09:00:00.000000Z"
    page = project("a", (FILE,), HTML).decode()
    (link,) = re.findall(r"<a (.*?)>a-1-py3-none-any.whl</a>", page)
    attributes = dict(re.findall(r'([\w-]+)="(.*?)"', link))
    digest = f"sha256={file['core-metadata']['sha256']}"
    assert attributes == {
        "href": f"{file['url']}#sha256={file['hashes']['sha256']}",
        "data-requires-python": "&gt;=3.11",
        "data-core-metadata": digest,
        "data-dist-info-metadata": digest,
    }


def test_a_file_has_no_name_over_which_old_installers_fail():
    """pip 22.3 to 23.0 wants a text under the old name, where PEP 691 has hashes; that of Debian 12 is one of them."""
    (file,) = msgspec.json.decode(project("a", (FILE,), JSON))["files"]
    assert "dist-info-metadata" not in file
