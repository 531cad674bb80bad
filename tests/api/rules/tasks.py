"""Tasks: a collection of the society that the tests of writes fill anew each time, and principals who have roles."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import pytest_asyncio

from api.rules.conftest import ID, Society
from holdfast.catalog.live import LiveCatalog
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.http.refusal import problems_as_data
from holdfast.http.request import Request
from holdfast.identity import Principal
from holdfast.records import routes

TASKS = "/api/collections/tasks/records"
T1 = f"{TASKS}/{ID('t1')}"
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "max": 20},
    {"name": "author", "type": "relation", "collectionId": "people", "maxSelect": 1},
    {"name": "team", "type": "relation", "collectionId": "teams", "maxSelect": 1},
    {"name": "status", "type": "select", "values": ["open", "done"], "maxSelect": 1, "default": "open"},
    {"name": "views", "type": "number"},
    {"name": "labels", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "readers", "type": "relation", "collectionId": "people", "maxSelect": 9},
    {"name": "code", "type": "text", "unique": True},
    {"name": "due", "type": "date"},
    {"name": "price", "type": "decimal", "precision": 8, "scale": 2},
    {"name": "meta", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
CLOSED = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"))


class Tasks:
    """The tasks: `t1` is Ann's, of the red team, open, with one view and the label a; `t2` is Cid's, of the blue."""

    def __init__(self, society: Society, engine: Engine) -> None:
        self.society = society
        self.engine = engine

    async def ruled(self, **rules: Any) -> None:
        """Rules of the tasks; those that are not named are closed."""
        await self.society.ruled("tasks", **(CLOSED | rules))
        await self.engine.live.reload()

    async def fill(self) -> None:
        """Only the two tasks, as they were."""
        await self.society.run("DELETE FROM tasks")
        await self.society.api.create(
            "tasks", id=ID("t1"), title="One", author=ID("ann"), team=ID("red"), views=1, labels=["a"], code="c1",
            readers=[ID("bob")], due="2026-01-01", price="1.50", meta={"k": "x"}, secret="s1",
        )  # fmt: skip
        await self.society.api.create("tasks", id=ID("t2"), title="Two", author=ID("cid"), team=ID("blue"), code="c2")

    async def row(self, name: str = "t1", collection: str = "tasks") -> dict[str, Any]:
        """A record as a superuser reads it; empty if it is not there."""
        answer = await self.society["root"].get(f"/api/collections/{collection}/records/{ID(name)}")
        return answer.json() if answer.status_code == 200 else {}

    async def ids(self) -> list[str]:
        """The tasks that are there."""
        answer = await self.society["root"].get(TASKS, params={"sort": "id"})
        return [record["id"].lstrip("0") for record in answer.json()["items"]]

    async def role(self, name: str, *permissions: dict[str, Any]) -> None:
        """A role."""
        for permission in permissions:
            if permission["collection"] != "*":
                permission["collection"] = self.engine.catalog.get(permission["collection"]).id
        await self.society.role(name, *permissions)
        await self.engine.live.reload()

    def person(self, name: str, *roles: str, collection: str = "people") -> Principal:
        """A person with these roles."""
        id = self.engine.catalog.get(collection).id
        return Principal("user", id, collection, ID(name), roles=tuple(sorted(map(ID, roles))))

    async def send(
        self, who: Principal, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """What the handler of records answers to somebody: the status and the body."""
        content = msgspec.json.encode(body or {})
        path, _, query = path.partition("?")
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        scope = {
            "method": method, "path": path, "query_string": query.encode(), "headers": headers, "client": ("1.2.3.4", 1)
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        request = Request(scope, receive, id="test", max_body_bytes=1 << 20)
        request.principal = who
        try:
            answer = await routes.handle(self.engine, request)
        except ApiError as failure:
            return failure.status, {"code": failure.code, "data": problems_as_data(failure.data)}
        return answer.status, msgspec.json.decode(answer.body) if answer.body else {}


def may(actions: str, rule: str = "", write: str = "*", read: str = "*", collection: str = "tasks") -> dict[str, Any]:
    """A permission; several actions and fields with a space between."""
    fields = {"read": read.split(), "write": write.split()}
    return {"collection": collection, "actions": actions.split(), "rule": rule, "fields": fields}


def code_of(answer: httpx.Response) -> str:
    """The status, and the code of a refusal."""
    if answer.status_code < 400:
        return str(answer.status_code)
    return f"{answer.status_code} {answer.json()['code']}"


@pytest_asyncio.fixture(loop_scope="package")
async def tasks(society: Society) -> Tasks:
    """The tasks as they were."""
    return await tasks_of(society)


async def tasks_of(society: Society) -> Tasks:
    """The tasks of a society, as they were."""
    live = await LiveCatalog.open(society.api.pool)
    if live.now.find("tasks") is None:
        await society.api.define("tasks", FIELDS, **CLOSED)
        await live.reload()
    found = Tasks(society, Engine(settings=society.api.settings, pool=society.api.pool, live=live, secret=b"x" * 32))
    await found.fill()
    return found
