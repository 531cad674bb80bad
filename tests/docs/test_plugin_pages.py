"""The pages about plugins, compared with the interface."""

import asyncio
import inspect
import re
from pathlib import Path

from click.testing import CliRunner

from client import Api, refused, running
from holdfast.cli import main
from holdfast.hooks.table import HOOKS
from holdfast.plugin import Plugin
from plugged import write_plugins

DOCS = Path(__file__).parents[2] / "docs"


def signature(hook: str) -> str:
    return f"{hook}({', '.join(list(inspect.signature(getattr(Plugin, hook)).parameters)[1:])})"


def test_every_hook_is_on_its_page_with_its_arguments_and_nothing_else():
    listed = re.findall(r"^\| `(\w+\([^)]*\))` \|", (DOCS / "reference/hooks.md").read_text("utf-8"), re.M)
    assert sorted(listed) == sorted(signature(hook) for hook in HOOKS)


def test_every_hook_says_when_it_runs():
    assert [hook for hook in HOOKS if not inspect.getdoc(getattr(Plugin, hook))] == []


def examples(page: str) -> dict[str, str]:
    """The plugins of a page, by the names of their files."""
    fences = re.findall(r"^```python\n# plugins/(\w+)\.py\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.M | re.S)
    return dict(fences)


def write_pages(folder: Path, page: str) -> None:
    """The files of plugins' pages, which are beside them in folders of their own."""
    text = (DOCS / page).read_text("utf-8")
    for place, html in re.findall(r"^```html\n<!-- plugins/(\S+) -->\n(.*?)^```$", text, re.M | re.S):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(html)


async def test_the_plugins_of_the_how_to_work(database: str, tmp_path: Path):
    folder = write_plugins(tmp_path / "plugins", **examples("how-to/plugins.md"))
    write_pages(folder, "how-to/plugins.md")
    async with running(database, tmp_path, plugins=str(folder), background=True) as api:
        (page,) = (await api.root.get("/api/plugin-pages")).json()["items"]
        assert "hello" in (await api.guest.get(page["path"])).text
        numbers = [{"name": name, "type": "number"} for name in ("comments", "votes", "words")]
        await api.define("posts", [{"name": "title", "type": "text"}, *numbers])
        await api.define("archive", [{"name": "title", "type": "text"}])
        await api.define("digests", [{"name": "posts", "type": "number"}])
        posts = await api.root.get("/api/collections/posts")
        relation = {"name": "post", "type": "relation", "collectionId": posts.json()["id"], "maxSelect": 1}
        await api.define("comments", [relation])
        spam = await api.guest.post("/api/collections/posts/records", json={"title": "Buy SPAM now"})
        assert spam.json()["data"]["title"]["code"] == "validation_banned_word"
        post = await api.create("posts", title="fine", comments=9)
        await api.create("comments", post=post["id"])
        seen = (await api.guest.get(f"/api/collections/posts/records/{post['id']}")).json()
        assert (seen["comments"], seen["greeting"]) == (10, "Hello")
        refused(await api.guest.post(f"/api/x/votes/posts/{post['id']}/vote"), 401, "unauthenticated")
        assert (await api.root.post(f"/api/x/votes/posts/{post['id']}/vote")).json() == {"votes": 1}
        shouted = await api.root.post("/api/collections/posts/actions/shouting.shout", json={"ids": [post["id"]]})
        assert shouted.json()["done"] == 1
        await api.root.delete(f"/api/collections/posts/records/{post['id']}")
        async with asyncio.timeout(20):
            while not (archive := (await api.root.get("/api/collections/archive/records")).json()["items"]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert archive[0]["title"] == "FINE"
        await api.root.post("/api/crons/digest.nightly")
        counted = await api.create("posts", title="these are four words")
        await until_words(api, counted["id"], 4)
        assert len((await api.root.get("/api/collections/digests/records")).json()["items"]) == 1
        types = await emitted(api)
        assert {"counting.tenth", "votes.cast"} <= types
    await api_command(database, folder, tmp_path)


async def until_words(api: Api, post: str, count: int) -> None:
    """Wait until a job has counted the words of a post, and another has made a digest."""
    async with asyncio.timeout(20):
        while True:
            words = (await api.root.get(f"/api/collections/posts/records/{post}")).json()["words"]
            digests = (await api.root.get("/api/collections/digests/records")).json()["items"]
            if words == count and digests:
                return
            await asyncio.sleep(0.05)


async def emitted(api: Api) -> set[str]:
    """The types of all events so far."""
    connection = await api.pool.connect()
    rows = await connection.fetch("SELECT type FROM holdfast.events UNION SELECT type FROM holdfast.outbox")
    await connection.close()
    return {row["type"] for row in rows}


async def api_command(database: str, folder: Path, data: Path) -> None:
    """The command of the page, as an operator runs it."""
    environment = {"DATABASE_URL": database, "HOLDFAST_DATA": str(data)}
    arguments = ["x", "--plugins", str(folder), "votes", "reset"]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
    assert result.exit_code == 0, result.output
    assert result.output.strip().endswith("UPDATE 0")
