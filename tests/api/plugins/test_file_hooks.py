"""Hooks around files, before they are stored and when a record has taken them; and around aggregates."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from client import Api, refused

Start = Callable[..., AbstractAsyncContextManager[Api]]
POSTS = "/api/collections/posts/records"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
HOOKS = """
    async def file_before_upload(self, ctx, upload):
        content = await upload.read()
        if b"virus" in content:
            raise BadRequest("This file is not welcome.")
        if upload.filename == "wrong.txt":
            upload.filename = 5
        if content.startswith(b"secret"):
            upload.replace(b"censored")
            upload.filename = "clean.txt"
        assert (upload.size, len(upload.record_id), ctx.collection.name) == (len(await upload.read()), 15, "posts")
    async def file_after_upload(self, ctx, file):
        await ctx.records.create("notes", {"about": f"{file.field} {file.filename} {file.size} {file.media_type}"})
        if file.filename == "no.txt":
            raise BadRequest("No.")
    async def record_before_aggregate(self, ctx, query):
        if "title" in query.group_by:
            raise Forbidden("Not by title.")
        query.filter = "title != {:no}"
        query.params["no"] = "none"
    async def record_after_aggregate(self, ctx, answer):
        answer.content["items"].append({"by": ctx.who.kind})
"""
FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "one", "type": "file"},
    {"name": "many", "type": "file", "maxSelect": 5},
]


async def test_files_can_be_changed_refused_and_followed(start_plugged: Start):
    async with start_plugged(HOOKS) as api:
        await api.define("posts", FIELDS)
        await api.define("notes", [{"name": "about", "type": "text"}])

        async def notes() -> list[str]:
            items = (await api.root.get("/api/collections/notes/records?sort=@rowid")).json()["items"]
            return [item["about"] for item in items]

        async def send(content: bytes, name: str = "a.txt", field: str = "one") -> Any:
            return await api.guest.post(POSTS, data={"title": "t"}, files={field: (name, content)})

        plain = (await send(b"hello")).json()
        assert await notes() == ["one a.txt 5 text/plain"]
        changed = (await send(b"secret plans")).json()
        assert changed["one"].startswith("clean_")
        url = f"/api/files/posts/{changed['id']}/{changed['one']}"
        assert (await api.guest.get(url)).content == b"censored"
        picture = b"secret" + b"x" * 400_000  # on its way in a file of the spool
        assert (await send(picture, "big.bin")).json()["one"].startswith("clean_")
        refused(await send(b"a virus"), 400, "bad_request")
        refused(await send(b"hello", "no.txt"), 400, "bad_request")
        body = refused(await api.root.post(POSTS, files={"one": ("wrong.txt", b"x")}), 500, "internal")
        assert "a file takes str here, not int" in str(body)
        assert len(await notes()) == 3
        updated = await api.guest.patch(f"{POSTS}/{plain['id']}", files={"many": ("b.png", PNG)})
        assert updated.json()["many"][0].startswith("b_")
        assert (await notes())[-1] == f"many b.png {len(PNG)} image/png"
        await api.guest.patch(f"{POSTS}/{plain['id']}", json={"title": "u"})
        assert len(await notes()) == 4

        payload = {"requests": [{"method": "POST", "url": POSTS, "body": {"title": "batched"}}]}
        form = {"@jsonPayload": msgspec.json.encode(payload).decode()}
        batch = await api.guest.post("/api/batch", data=form, files={"requests.0.one": ("c.txt", b"secret")})
        assert batch.json()[0]["body"]["one"].startswith("clean_")
        assert (await notes())[-1] == "one clean.txt 8 text/plain"


async def test_an_aggregate_can_be_asked_otherwise_changed_and_refused(start_plugged: Start):
    async with start_plugged(HOOKS) as api:
        await api.define("posts", FIELDS)
        for title in ("a", "a", "none"):
            await api.create("posts", title=title)
        found = await api.guest.get(f"{POSTS}/aggregate?select=count()&limit=1")
        assert found.json() == {"items": [{"count()": 2}, {"by": "guest"}]}
        refused(await api.guest.get(f"{POSTS}/aggregate?groupBy=title"), 403, "forbidden")
