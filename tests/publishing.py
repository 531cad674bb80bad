"""An application whose plugin publishes posts, for tests of record actions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from client import Api
from plugged import plugged
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

POSTS = "/api/collections/posts"
PUBLISH = f"{POSTS}/actions/words.publish"
HOOKS = """
    def actions(self):
        return (
            RecordAction(
                name="publish", label="Publish", run=self.publish, collections=["posts"],
                description="Sets the state.", confirm="Readers get a mail.",
            ),
            RecordAction(name="alone", label="One alone", run=self.count, collections=("posts",), many=False),
            RecordAction(name="count", label="Count", run=self.count, collections=lambda settings: settings.counted),
            RecordAction(name="anywhere", label="Anywhere", run=self.count),
        )
    async def publish(self, ctx, record):
        await ctx.records.update("posts", record["id"], {"state": "public"})
        await ctx.records.create("notes", {"about": f"{ctx.who.kind} {ctx.collection.name} {bool(ctx.request_id)}"})
        word = record["word"]
        if word == "refused":
            raise ValidationFailed({"word": Problem("validation_banned_word", "Nobody wants to read this.")})
        if word == "broken":
            raise KeyError(word)
        if word == "returns":
            return 5
    async def count(self, ctx, record):
        await ctx.records.create("notes", {"about": record["id"]})
"""
ATTRIBUTES = """
    class Settings(msgspec.Struct, frozen=True):
        counted: list[str] = []
"""


@asynccontextmanager
async def publishing(cluster: Cluster, data: Path) -> AsyncGenerator[Api]:
    """The application, with collections of posts and of the notes that the plugin makes, and a view."""
    dsn = await make_database(cluster, PROJECT)
    async with plugged(dsn, data, HOOKS, attributes=ATTRIBUTES, background=True) as made:
        await made.define("posts", [{"name": name, "type": "text"} for name in ("word", "state")])
        await made.define("notes", [{"name": "about", "type": "text"}])
        closed = dict.fromkeys(("createRule", "updateRule", "deleteRule"))
        await made.define("seen", type="view", viewQuery="SELECT id, word FROM posts", **closed)
        yield made
    await drop_database(cluster, dsn)


async def tidy(api: Api) -> None:
    """Take away what a test has made, and turn the plugin on."""
    for name in ("posts", "notes"):
        await api.root.delete(f"/api/collections/{name}/truncate")
    await api.root.patch("/api/plugins/words", json={"enabled": True})
    await api.root.patch("/api/plugins/words/settings", json={"counted": []})


async def written(api: Api, *words: str) -> list[str]:
    """Posts with these words; their ids."""
    return [(await api.create("posts", word=word, state="draft"))["id"] for word in words]


async def states(api: Api) -> dict[str, str]:
    """The state of each post, by its word."""
    items = (await api.root.get(f"{POSTS}/records")).json()["items"]
    return {item["word"]: item["state"] for item in items}


async def notes(api: Api) -> list[str]:
    """What the plugin has noted."""
    items = (await api.root.get("/api/collections/notes/records")).json()["items"]
    return [item["about"] for item in items]


@asynccontextmanager
async def held(api: Api, id: str, word: str) -> AsyncGenerator[None]:
    """A post that is changed at the end of the block; before that an action on it waits."""
    holder = await api.pool.connect()
    try:
        async with holder.transaction():
            await holder.execute("UPDATE posts SET word = $2 WHERE id = $1", id, word)
            yield
    finally:
        await holder.close()


async def waiting(api: Api) -> None:
    """Wait until an action waits for a post that is held."""
    looker = await api.pool.connect()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'FOR NO KEY UPDATE'"
    try:
        async with asyncio.timeout(30):
            while not await looker.fetchval(waits):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await looker.close()
