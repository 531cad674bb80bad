"""The hook before a file goes out: it may refuse, and say how."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from client import Api, refused

Start = Callable[..., AbstractAsyncContextManager[Api]]
POSTS = "/api/collections/posts/records"
HOOK = """
    async def file_before_serve(self, ctx, file):
        if file.filename.startswith("hidden"):
            raise NotFound
        if file.field == "named":
            file.download = True
            file.filename = 'Übung "1".txt'
        if file.filename.startswith("page"):
            file.download = False
"""


async def test_a_file_goes_out_as_a_plugin_says_or_not_at_all(start_plugged: Start):
    async with start_plugged(HOOK) as api:
        await api.define("posts", [{"name": "plain", "type": "file"}, {"name": "named", "type": "file"}])

        async def served(field: str, name: str, content: bytes = b"hello") -> Any:
            record = (await api.guest.post(POSTS, files={field: (name, content)})).json()
            return await api.guest.get(f"/api/files/posts/{record['id']}/{record[field]}")

        plain = await served("plain", "a.txt")
        assert plain.headers["content-disposition"].startswith('inline; filename="a_')
        assert plain.headers["cache-control"] == "private, no-cache"
        named = await served("named", "a.txt")
        expected = "attachment; filename=\"_bung _1_.txt\"; filename*=UTF-8''%C3%9Cbung%20%221%22.txt"
        assert named.headers["content-disposition"] == expected
        page = await served("plain", "page.html", b"<!doctype html><script>alert(1)</script>")
        assert page.headers["content-disposition"].startswith("attachment")
        refused(await served("plain", "hidden.txt"), 404, "not_found")
