"""The page of the console, and its files."""

import gzip
import re

import pytest

from client import Api, in_one_loop
from holdfast.console.assets import Assets

PATHS = ["/_/", "/_/setup", "/_/data/posts", "/_/data/posts/schema", "/_/no/such/screen", "/_/links.js"]


@in_one_loop
@pytest.mark.parametrize("path", PATHS)
async def test_every_path_is_the_page_and_nothing_runs_in_it_but_its_own(shared_api: Api, path: str) -> None:
    answer = await shared_api.guest.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", policy))
    assert "unsafe" not in policy.replace("style-src-attr 'unsafe-inline'; ", "")
    assert "frame-ancestors 'none'" in policy
    assert len(re.findall(r"<(?:script|style)", answer.text)) == answer.text.count(f'nonce="{nonce}"') - len(
        re.findall(r"<link[^>]+nonce=|<meta[^>]+nonce=", answer.text)
    )
    assert not re.findall(r"https?://", answer.text), "nothing from elsewhere"
    assert nonce not in (await shared_api.guest.get(path)).text


@in_one_loop
async def test_its_files_are_kept_for_ever_under_the_address_of_their_build(shared_api: Api) -> None:
    page = (await shared_api.guest.get("/_/")).text
    files = set(re.findall(r'(?:src|href)="(/_/a/[^"]+)"', page))
    assert {name.rpartition(".")[2] for name in files} == {"js", "css"}
    for path in files:
        answer = await shared_api.guest.get(path, headers={"Accept-Encoding": "identity"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "content-encoding" not in answer.headers
        packed = await shared_api.guest.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == answer.content  # httpx has unpacked it
        assert int(packed.headers["content-length"]) < max(len(answer.content), 200)
        again = await shared_api.guest.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


@in_one_loop
@pytest.mark.parametrize(
    "name", ["BUILD.json", "../BUILD.json", "..%2fBUILD.json", "index.html", "nothing.js", "index.js.map", ""]
)
async def test_nothing_else_is_given(shared_api: Api, name: str) -> None:
    digest = Assets().digest
    answer = await shared_api.guest.get(f"/_/a/{digest}/{name}")
    assert answer.status_code == 404 or "BUILD" not in answer.text
    assert "sources" not in answer.text


@in_one_loop
async def test_a_file_of_another_build_is_not_there(shared_api: Api) -> None:
    assert (await shared_api.guest.get("/_/a/0123456789abcdef/index.js")).status_code == 404


def test_what_the_first_screen_takes_is_within_its_budget() -> None:
    assets = Assets()
    entry = (assets.folder / "index.html").read_text("utf-8")
    first = set(re.findall(r'(?:src|href)="\./assets/([^"]+)"', entry))
    # What the entry imports is loaded with it.
    waiting = [name for name in first if name.endswith(".js")]
    while waiting:
        source = (assets.folder / "assets" / waiting.pop()).read_text("utf-8")
        for name in re.findall(r'(?:from|import)\s*"\./([\w.-]+\.js)"', source):
            if name not in first:
                first.add(name)
                waiting.append(name)
    sizes = {suffix: 0 for suffix in ("js", "css")}
    for name in first:
        sizes[name.rpartition(".")[2]] += len(assets.packed(name))
    assert sizes["js"] <= 110_000, sizes
    assert sizes["css"] <= 12_000, sizes
    fonts = sum(
        (assets.folder / "assets" / name).stat().st_size
        for name in assets.names
        if name.endswith("-latin-wght-normal.woff2")
    )
    assert 0 < fonts <= 75_000
    assert sum(path.stat().st_size for path in assets.folder.rglob("*") if path.is_file()) <= 2_000_000


def test_a_packed_file_is_the_file() -> None:
    assets = Assets()
    assert gzip.decompress(assets.packed("index.js")) == (assets.folder / "assets" / "index.js").read_bytes()
