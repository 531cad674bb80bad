"""Routes of plugins: who asks, what comes back, what is described; and what stops the start."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import structlog

from client import Api, refused, running
from holdfast.app import create_app
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from plugged import plugin_source, write_plugins

HEAD = """
from typing import Any
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from holdfast.db.sql import raw
from holdfast.http.litestar import superusers_only
from holdfast.identity import Principal
class Order(msgspec.Struct):
    title: str
    count: int = 1
@get("/who")
async def who(who: NamedDependency[Principal]) -> dict[str, str]:
    return {"who": who.key}
@get("/secret", guards=[superusers_only])
async def secret() -> dict[str, int]:
    return {"secret": 42}
@post("/orders", summary="Make orders", status_code=200)
async def order(ctx: NamedDependency[Context], data: JSONBody[Order]) -> dict[str, Any]:
    async with ctx.transaction() as tx:
        for number in range(data.count):
            await tx.records.create("posts", {"title": f"{data.title} {number}"})
        if data.title == "broken":
            raise RuntimeError("a bug")
        if data.title == "refused":
            raise Forbidden("Not for sale.")
    return {"made": len(await ctx.records.list("posts", filter="title ~ {:t}", params={"t": data.title}))}
@get("/exits")
async def exits() -> None:
    sys.exit(3)
@get("/cancelled")
async def cancelled() -> None:
    raise asyncio.CancelledError
@get("/posts/{id:str}")
async def one(ctx: NamedDependency[Context], who: NamedDependency[Principal], id: FromPath[str]) -> dict[str, Any]:
    found = await ctx.records_as(who).get("posts", id)
    if found is None:
        raise NotFound
    return found
"""
ROUTES = """
    def routes(self):
        return (who, secret, order, one, exits, cancelled)
"""


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


async def test_routes_of_a_plugin(start_plugged: Callable[..., AbstractAsyncContextManager[Api]], lines: list[Any]):
    async with start_plugged(ROUTES, head=HEAD) as api:
        await api.define("posts", [{"name": "title", "type": "text"}], viewRule=None)
        assert (await api.guest.get("/api/x/words/who")).json() == {"who": "guest"}
        assert (await api.root.get("/api/x/words/who")).json()["who"].startswith("_superusers/")
        refused(await api.guest.get("/api/x/words/secret"), 401, "unauthenticated")
        assert (await api.root.get("/api/x/words/secret")).json() == {"secret": 42}
        made = await api.guest.post("/api/x/words/orders", json={"title": "pen", "count": 2})
        assert made.json() == {"made": 2}
        wrong = refused(await api.guest.post("/api/x/words/orders", json={"count": "x"}), 400, "validation_failed")
        assert wrong["data"]
        refused(await api.guest.post("/api/x/words/orders", json={"title": "refused"}), 403, "forbidden")
        hidden = refused(await api.guest.post("/api/x/words/orders", json={"title": "broken"}), 500, "internal")
        assert "words" not in hidden["message"]
        told = refused(await api.root.post("/api/x/words/orders", json={"title": "broken"}), 500, "internal")
        assert told["message"] == "The plugin words failed in /api/x/words/orders: RuntimeError: a bug."
        for path, reason in (("exits", "SystemExit: 3"), ("cancelled", "CancelledError")):
            told = refused(await api.root.get(f"/api/x/words/{path}"), 500, "internal")
            assert told["message"] == f"The plugin words failed in /api/x/words/{path}: {reason}."
        posts = (await api.root.get("/api/collections/posts/records")).json()
        assert sorted(post["title"] for post in posts["items"]) == ["pen 0", "pen 1"]
        path = f"/api/x/words/posts/{posts['items'][0]['id']}"
        refused(await api.guest.get(path), 403, "forbidden")
        assert (await api.root.get(path)).json()["title"].startswith("pen")
        refused(await api.guest.get("/api/x/words/nowhere"), 404, "not_found")
        refused(await api.guest.delete("/api/x/words/who"), 405, "method_not_allowed")
        document = (await api.root.get("/api/openapi.json")).json()
        assert document["paths"]["/api/x/words/orders"]["post"]["summary"] == "Make orders"
        await api.root.patch("/api/plugins/words", json={"enabled": False})
        refused(await api.guest.get("/api/x/words/who"), 404, "not_found")
        assert "/api/x/words/orders" not in (await api.root.get("/api/openapi.json")).json()["paths"]


@pytest.mark.parametrize(
    ("routes", "reason"),
    [
        ("def routes(self):\n    return (who, get('/who')(secret.fn))", "two handlers for GET /api/x/words/who"),
        ("def routes(self):\n    return 1 / 0", "ZeroDivisionError"),
        ("def routes(self):\n    return (5,)", "its routes"),
    ],
    ids=["two of one path", "raises", "no handlers"],
)
def test_routes_that_cannot_be_stop_the_start(tmp_path: Path, routes: str, reason: str):
    folder = write_plugins(tmp_path / "plugins", words=plugin_source(routes, head=HEAD))
    with pytest.raises(CannotStart, match="The plugin words cannot be loaded") as failure:
        create_app(Settings(data=tmp_path, plugins=str(folder)), "postgresql://nowhere")
    assert reason in str(failure.value)


async def test_a_plugin_that_does_not_start_stops_the_start(database: str, tmp_path: Path):
    source = plugin_source("async def startup(self, ctx):\n    raise ValueError('no key')")
    folder = write_plugins(tmp_path / "plugins", words=source)
    with pytest.raises(Exception, match="no key"):
        async with running(database, tmp_path, plugins=str(folder)):
            pass
    async with running(database, tmp_path, plugins=str(folder), skip_plugins=("words",)) as api:
        items = (await api.root.get("/api/plugins")).json()["items"]
        assert [item["name"] for item in items if item["source"] != "bundled"] == []
