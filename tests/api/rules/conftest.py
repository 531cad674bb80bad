"""What the tests of rules use: one server with people, teams and posts, whose rules each test sets for itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from client import Api, api, running, start_api
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

__all__ = ["api", "society", "start_api"]

ID = "{:0>15}".format
PASSWORD = "a long password"
POSTS = "/api/collections/posts/records"

PEOPLE: list[dict[str, Any]] = [
    {"name": "name", "type": "text"},
    {"name": "team", "type": "relation", "collectionId": "teams", "maxSelect": 1},
    {"name": "rank", "type": "number"},
    {"name": "marks", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "meta", "type": "json"},
    {"name": "joined", "type": "date"},
    {"name": "secret", "type": "text", "hidden": True},
]
STAFF = [{"name": "name", "type": "text"}, {"name": "badge", "type": "text"}]
MEMBERS = {"name": "members", "type": "relation", "collectionId": "people", "maxSelect": 99}
POSTS_FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "author", "type": "relation", "collectionId": "people", "maxSelect": 1},
    {"name": "team", "type": "relation", "collectionId": "teams", "maxSelect": 1},
    {"name": "readers", "type": "relation", "collectionId": "people", "maxSelect": 99},
    {"name": "public", "type": "bool"},
    {"name": "views", "type": "number"},
    {"name": "labels", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "day", "type": "date"},
    {"name": "meta", "type": "json"},
    {"name": "secret", "type": "text", "hidden": True},
]
COMMENTS = [
    {"name": "post", "type": "relation", "collectionId": "posts", "maxSelect": 1},
    {"name": "author", "type": "relation", "collectionId": "people", "maxSelect": 1},
    {"name": "stars", "type": "number"},
    {"name": "secret", "type": "text", "hidden": True},
]
PASSES = [
    {"name": "who", "type": "relation", "collectionId": "people", "maxSelect": 1},
    {"name": "team", "type": "relation", "collectionId": "teams", "maxSelect": 1},
    {"name": "level", "type": "number"},
]


class Society:
    """The server, and a client for everyone: `guest`, `root`, `ann` (team red), `bob` (red), `cid` (blue), `eve`."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.clients = {"guest": api.guest, "root": api.root}
        self._rules: dict[str, dict[str, Any]] = {}

    def __getitem__(self, who: str) -> httpx.AsyncClient:
        return self.clients[who]

    async def ruled(self, collection: str, **rules: Any) -> None:
        """Give the collection other rules."""
        if self._rules.get(collection, {}) | rules == self._rules.get(collection):
            return
        answer = await self.api.root.patch(f"/api/collections/{collection}", json=rules)
        assert answer.status_code == 200, answer.text
        self._rules.setdefault(collection, {}).update(rules)

    async def seen(self, who: str, collection: str = "posts", **query: str) -> list[str]:
        """The ids that somebody gets from a list, in order, without the zeros that fill them up."""
        url = f"/api/collections/{collection}/records"
        answer = await self[who].get(url, params={"sort": "id", **query})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found = [item["id"].lstrip("0") for item in page["items"]]
        assert page["totalItems"] == len(found)
        return found

    async def role(self, name: str, *permissions: dict[str, Any]) -> str:
        """A role with these permissions, as the catalog keeps it; returns its id."""
        id = ID(name)
        await self.run(
            "INSERT INTO holdfast.roles (id, name, definition) VALUES ($1, $2, $3::jsonb)"
            " ON CONFLICT (id) DO UPDATE SET definition = excluded.definition",
            id,
            name,
            msgspec.json.encode({"permissions": permissions}).decode(),
        )
        await self.run("UPDATE holdfast.catalog SET version = version + 1")
        return id

    async def moved(self) -> None:
        """Tell the server that the catalog's tables have changed, and wait until it has seen that."""
        await self.run("UPDATE holdfast.catalog SET version = version + 1")
        await self.run("SELECT pg_notify('holdfast_catalog', version::text) FROM holdfast.catalog")
        await asyncio.sleep(0.05)

    async def run(self, statement: str, *args: object) -> None:
        """Run a statement on the database."""
        connection = await self.api.pool.acquire()
        try:
            await connection.execute(statement, *args)
        finally:
            self.api.pool.release(connection)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def society(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Society]:
    """A server with the society in it."""
    async with gathered(cluster, tmp_path_factory) as found:
        yield found


@asynccontextmanager
async def gathered(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Society]:
    """A society on a server of its own, for tests that change more than the rules."""
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("society")) as made:
        found = Society(made)
        await _define(made)
        await _fill(made)
        for name in ("ann", "bob", "cid"):
            found.clients[name] = made.client(await made.login(f"{name}@example.com", PASSWORD, "people"))
        found.clients["eve"] = made.client(await made.login("eve@example.com", PASSWORD, "staff"))
        yield found
        for name in ("ann", "bob", "cid", "eve"):
            await found.clients[name].aclose()
    await drop_database(cluster, dsn)


async def _define(api: Api) -> None:
    await api.define("teams", [{"name": "name", "type": "text"}])
    await api.define("people", PEOPLE, type="auth")
    await api.root.patch("/api/collections/teams", json={"fields": [{"name": "name", "type": "text"}, MEMBERS]})
    await api.define("staff", STAFF, type="auth")
    await api.define("posts", POSTS_FIELDS, searchable=["title"])
    await api.define("comments", COMMENTS)
    await api.define("passes", PASSES, listRule=None, viewRule=None)
    await api.define("empty", [{"name": "word", "type": "text"}], listRule=None)


async def _fill(api: Api) -> None:
    await api.create("teams", id=ID("red"), name="Red")
    await api.create("teams", id=ID("blue"), name="Blue")
    login = {"password": PASSWORD, "passwordConfirm": PASSWORD}
    people: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ann", {"team": ID("red"), "rank": 3, "marks": ["a", "b"], "meta": {"vip": True}, "secret": "s-ann"}),
        ("bob", {"team": ID("red"), "rank": 1, "marks": ["b"], "joined": "2026-01-01", "emailVisibility": True}),
        ("cid", {"team": ID("blue"), "rank": 2}),
    )
    for name, values in people:
        await api.create("people", id=ID(name), name=name, email=f"{name}@example.com", **login, **values)
    await api.create("staff", id=ID("eve"), email="eve@example.com", name="eve", badge="b1", **login)
    for team, members in (("red", ["ann", "bob"]), ("blue", ["cid"])):
        body = {"members": [ID(member) for member in members]}
        answer = await api.root.patch(f"/api/collections/teams/records/{ID(team)}", json=body)
        assert answer.status_code == 200, answer.text
    await api.create(
        "posts", id=ID("p1"), title="One", author=ID("ann"), team=ID("red"), public=True, views=1, secret="s1",
        labels=["a"], readers=[ID("bob"), ID("cid")], day="2026-01-01", meta={"k": "x"},
    )  # fmt: skip
    await api.create(
        "posts", id=ID("p2"), title="Two", author=ID("bob"), team=ID("red"), views=2, secret="s2", labels=["a", "b"]
    )
    await api.create(
        "posts", id=ID("p3"), title="Three", author=ID("cid"), team=ID("blue"), views=3, secret="s3", day="2027-01-01"
    )
    await api.create("posts", id=ID("p4"), title="", public=True)
    for name, post, author, stars in (("c1", "p1", "bob", 5), ("c2", "p1", "cid", 1), ("c3", "p3", "ann", 3)):
        await api.create("comments", id=ID(name), post=ID(post), author=ID(author), stars=stars, secret="x")
    for name, who, team, level in (("1", "ann", "red", 5), ("2", "bob", "red", 1), ("3", "ann", "blue", 1)):
        await api.create("passes", id=ID(name), who=ID(who), team=ID(team), level=level)
