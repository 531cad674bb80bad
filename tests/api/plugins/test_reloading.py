"""In development a plugin that changes is in force within a second; one that breaks leaves what was."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
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


STARTS = """
    async def startup(self, ctx):
        if BROKEN:
            raise RuntimeError("no such printer")
    def jobs(self):
        return (Job("print", NoPayload, self.print),)
    async def print(self, ctx, _):
        pass
"""


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
            shown = (await api.root.get("/api/plugins/words")).json()
            assert shown["error"].startswith("It cannot be loaded anew") and "SyntaxError" in shown["error"]
            assert shown["routes"] == ["GET /api/x/words/version"]
            (folder / "words.py").unlink()
            while await titled(api, "d") != "d":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert (await api.guest.get("/api/x/words/version")).status_code == 404


async def test_why_a_plugin_does_not_start_is_told_until_it_does(database: str, tmp_path: Path):
    folder = write_plugins(tmp_path / "plugins")
    async with running(database, tmp_path, plugins=str(folder), reload=True) as api:

        async def told(broken: bool) -> dict[str, Any]:
            write_plugins(folder, printing=plugin_source(STARTS, "printing", head=f"BROKEN = {broken}"))
            shown: dict[str, Any] = {}
            for _ in range(500):
                shown = (await api.root.get("/api/plugins/printing")).json()
                if (shown.get("active"), bool(shown.get("error"))) == (not broken, broken):
                    return shown
                await asyncio.sleep(0.02)
            pytest.fail(str(shown))

        shown = await told(True)
        told_why = "The plugin printing failed in startup: RuntimeError: no such printer."
        assert (shown["error"], shown["enabled"]) == (told_why, True)
        assert (shown["jobs"], shown["ownPriority"], shown["routes"]) == (["printing.print"], 0, [])
        assert (await told(False))["error"] == ""
