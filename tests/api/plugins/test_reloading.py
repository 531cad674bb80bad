"""In development a plugin that changes is in force within a second; one that breaks leaves what was."""

import asyncio
import time
from pathlib import Path

import structlog

from client import Api, running
from plugged import plugin_source, write_plugins

POSTS = "/api/collections/posts/records"
ROUTE = """
from litestar import get
@get("/version")
async def version() -> dict[str, int]:
    return {"version": VERSION}
"""
HOOKS = """
    async def record_before_create(self, ctx, draft):
        draft.values["title"] = f"{VERSION} " + draft.values["title"]
    async def shutdown(self, ctx):
        await ctx.records.create("posts", {"title": f"end of {VERSION}"})
    def routes(self):
        return (version,)
"""


def source(version: int) -> str:
    return plugin_source(HOOKS, head=f"VERSION = {version}\n{ROUTE}")


async def titled(api: Api, title: str) -> str:
    return (await api.guest.post(POSTS, json={"title": title})).json()["title"]


async def test_a_changed_plugin_is_in_force_within_a_second(database: str, tmp_path: Path):
    folder = write_plugins(tmp_path / "plugins", words=source(1))
    with structlog.testing.capture_logs() as lines:
        async with running(database, tmp_path, plugins=str(folder), reload=True) as api:
            await api.define("posts", [{"name": "title", "type": "text"}])
            assert await titled(api, "a") == "1 a"
            write_plugins(folder, words=source(2))
            changed = time.monotonic()
            while await titled(api, "b") != "2 b":
                assert time.monotonic() - changed < 10
                await asyncio.sleep(0.02)
            assert (await api.guest.get("/api/x/words/version")).json() == {"version": 2}
            found = (await api.root.get(POSTS, params={"filter": "title ~ 'end of'"})).json()
            assert [item["title"] for item in found["items"]] == ["end of 1"]
            write_plugins(folder, words="def broken(")
            while not any(line["event"] == "a plugin cannot be loaded anew" for line in lines):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert await titled(api, "c") == "2 c"
            (folder / "words.py").unlink()
            while await titled(api, "d") != "d":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert (await api.guest.get("/api/x/words/version")).status_code == 404
