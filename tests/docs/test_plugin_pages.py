"""The pages about plugins, compared with the interface."""

import inspect
import re
from pathlib import Path

from client import running
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


async def test_the_plugins_of_the_how_to_work(database: str, tmp_path: Path):
    folder = write_plugins(tmp_path / "plugins", **examples("how-to/plugins.md"))
    async with running(database, tmp_path, plugins=str(folder)) as api:
        await api.define("posts", [{"name": "title", "type": "text"}, {"name": "comments", "type": "number"}])
        posts = await api.root.get("/api/collections/posts")
        relation = {"name": "post", "type": "relation", "collectionId": posts.json()["id"], "maxSelect": 1}
        await api.define("comments", [relation])
        spam = await api.guest.post("/api/collections/posts/records", json={"title": "Buy SPAM now"})
        assert spam.json()["data"]["title"]["code"] == "validation_banned_word"
        post = await api.create("posts", title="fine", comments=9)
        await api.create("comments", post=post["id"])
        seen = (await api.guest.get(f"/api/collections/posts/records/{post['id']}")).json()
        assert (seen["comments"], seen["greeting"]) == (10, "Hello")
        connection = await api.pool.connect()
        assert await connection.fetchval("SELECT record FROM holdfast.outbox WHERE type = 'counting.tenth'")
        await connection.close()
