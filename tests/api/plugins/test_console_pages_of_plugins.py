"""Pages of plugins: which there are, and their files, in a sandbox of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused
from plugged import plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
PAGES = "/api/plugin-pages"
HOOKS = """
def pages(self):
    from pathlib import Path
    folder, may = Path(__file__).parent / "_board", ["GET /api/collections/posts/records"]
    return (ConsolePage(name="board", label="Board", folder=folder, may=may, collections=["posts"]),)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    home = tmp_path_factory.mktemp("pages")
    board = home / "plugins" / "_board"
    board.mkdir(parents=True)
    files = {
        "index.html": "<!doctype html><script type=module src=board.js></script>",
        "board.js": "1",
        "notes.txt": "no",
    }
    for name, text in files.items():
        (board / name).write_text(text)
    (board / "inner.css").mkdir()
    (home / "plugins" / "secret.js").write_text("secret")
    dsn = await make_database(cluster, PROJECT)
    async with plugged(dsn, home, HOOKS) as made:
        yield made
    await drop_database(cluster, dsn)


async def turn(api: Api, *, on: bool) -> None:
    answer = await api.root.patch("/api/plugins/words", json={"enabled": on})
    assert answer.status_code == 200, answer.text


async def test_the_pages_of_plugins_that_are_on_are_listed_for_superusers(api: Api):
    assert (await api.root.get(PAGES)).json()["items"] == [
        {
            "plugin": "words",
            "name": "board",
            "label": "Board",
            "may": ["GET /api/collections/posts/records"],
            "collections": ["posts"],
            "path": f"{PAGES}/words/board/index.html",
        }
    ]
    refused(await api.guest.get(PAGES), 401, "unauthenticated")


async def test_a_page_is_of_no_origin_wherever_it_is_opened(api: Api):
    answer = await api.guest.get(f"{PAGES}/words/board/index.html")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts allow-forms; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("origin", "allowed"), [("null", "*"), ("https://elsewhere.example", None)])
async def test_a_page_may_load_its_own_modules_and_no_other_site_may_read_them(
    api: Api, origin: str, allowed: str | None
):
    answer = await api.guest.get(f"{PAGES}/words/board/board.js", headers={"Origin": origin})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    if allowed:
        assert answer.headers.get_list("access-control-allow-origin") == [allowed]


@pytest.mark.parametrize(
    "path",
    [
        "words/board/notes.txt",
        "words/board/inner.css",
        "words/board/gone.js",
        "words/board/..%2Fsecret.js",
        "words/board/%2e%2e%2fsecret.js",
        "words/board/..",
        "words/other/index.html",
        "slugs/board/index.html",
        "nothing/board/index.html",
    ],
)
async def test_nothing_else_is_a_file_of_a_page(api: Api, path: str):
    assert (await api.guest.get(f"{PAGES}/{path}")).status_code == 404


async def test_a_plugin_that_is_off_has_no_pages(api: Api):
    await turn(api, on=False)
    assert (await api.root.get(PAGES)).json()["items"] == []
    assert (await api.guest.get(f"{PAGES}/words/board/index.html")).status_code == 404
    await turn(api, on=True)
    assert (await api.guest.get(f"{PAGES}/words/board/index.html")).status_code == 200


async def test_files_that_are_taken_away_are_not_there(api: Api, tmp_path_factory: pytest.TempPathFactory):
    folder = Path(str(api.settings.plugins)) / "_board"
    moved = folder.rename(folder.with_name("_away"))
    assert (await api.guest.get(f"{PAGES}/words/board/index.html")).status_code == 404
    moved.rename(folder)
