"""Whatever is changed in whatever order: the database is what the catalog says, as if it had been made at once."""

import random
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from client import in_one_loop, running, shared_api
from schema_changes import URL, Changes, changes

__all__ = ["changes", "shared_api"]
pytestmark = in_one_loop

KINDS: list[dict[str, Any]] = [
    {"type": "text"}, {"type": "text", "unique": True}, {"type": "text", "nullable": True}, {"type": "editor"},
    {"type": "number"}, {"type": "number", "onlyInt": True, "unique": True}, {"type": "bool"}, {"type": "date"},
    {"type": "autodate", "onCreate": True}, {"type": "autodate", "onUpdate": True}, {"type": "json"},
    {"type": "geoPoint"}, {"type": "url"},
    {"type": "select", "values": ["a", "b", "c"]}, {"type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"type": "file"}, {"type": "file", "maxSelect": 4}, {"type": "decimal", "precision": 9, "scale": 3},
    {"type": "relation", "maxSelect": 1}, {"type": "relation", "maxSelect": 1, "cascadeDelete": True},
    {"type": "relation", "maxSelect": 5}, {"type": "relation", "maxSelect": 5, "cascadeDelete": True},
    {"type": "relation", "maxSelect": 1, "unique": True}, {"type": "vector", "dimensions": 2},
]  # fmt: skip
NAMES = ["one", "two", "Three", "four"]
FIELDS = ["a", "b", "C", "d", "e"]


class Walk:
    """Changes at random. A change that is refused is as good as one that is done, so long as it is a 400."""

    def __init__(self, changes: Changes, seed: int) -> None:
        self.changes = changes
        self.random = random.Random(seed)
        self.done = 0
        self.refused: list[str] = []

    async def send(self, method: str, path: str, body: Any = None) -> None:
        answer = await self.changes.root.request(method, URL + path, json=body)
        assert answer.status_code in (200, 204, 400), f"{method} {path} {body}: {answer.text}"
        if answer.status_code == 400:
            self.refused.append(answer.text)
        else:
            self.done += 1

    async def collections(self) -> list[dict[str, Any]]:
        items = (await self.changes.root.get(URL)).json()["items"]
        return [item for item in items if not item["system"] and item["name"] != "users"]

    async def step(self) -> None:
        there = await self.collections()
        if len(there) < 2:
            await self.make()
            return
        one = self.random.choice(there)
        deeds = [self.make, self.drop, self.restore, *[lambda: self.change(one, there)] * 6, lambda: self.fill(one)]
        await self.random.choice(deeds)()

    def kind(self, there: list[dict[str, Any]]) -> dict[str, Any]:
        kind = dict(self.random.choice(KINDS))
        if kind["type"] == "relation":
            kind["collectionId"] = self.random.choice(there)["id"] if there else "users"
        return kind

    async def make(self) -> None:
        there = await self.collections()
        names = self.random.sample(FIELDS, 2)
        fields = [{"name": name, **self.kind(there)} for name in names]
        await self.send("POST", "", {"name": self.random.choice(NAMES), "fields": fields})

    async def drop(self) -> None:
        one = self.random.choice(await self.collections())
        await self.send("DELETE", f"/{one['id']}")

    async def restore(self) -> None:
        items = await self.changes.trash()
        if items:
            await self.send("POST", f"/trash/{self.random.choice(items)['id']}/restore")

    async def change(self, one: dict[str, Any], there: list[dict[str, Any]]) -> None:
        fields = [dict(field) for field in one["fields"]]
        body: dict[str, Any] = {"fields": fields}
        for _ in range(self.random.randint(1, 3)):
            own = [field for field in fields if field["name"] != "id"]
            deed = self.random.choice(["add", "drop", "rename", "swap", "retype", "index", "search", "name"])
            if deed == "add":
                fields.append({"name": self.random.choice(FIELDS), **self.kind(there)})
            elif deed == "drop" and own:
                fields.remove(self.random.choice(own))
            elif deed == "rename" and own:
                self.random.choice(own)["name"] = self.random.choice(FIELDS)
            elif deed == "swap" and len(own) > 1:
                own[0]["name"], own[1]["name"] = own[1]["name"], own[0]["name"]
            elif deed == "retype" and own:
                old = self.random.choice(own)
                fields[fields.index(old)] = {"name": old["name"], **self.kind(there)} | (
                    {"id": old["id"]} if "id" in old else {}
                )
            elif deed == "index" and own:
                column = self.random.choice(own)["name"]
                body["indexes"] = [f"CREATE INDEX i{self.random.randint(0, 9)} ON x ({column})"]
            elif deed == "search" and own:
                body["searchable"] = [self.random.choice(own)["name"]]
            elif deed == "name":
                body["name"] = self.random.choice(NAMES)
        await self.send("PATCH", f"/{one['id']}", body)

    async def fill(self, one: dict[str, Any]) -> None:
        for at in range(3):
            values = {
                field["name"]: self.random.choice(["5", "x", "", "2026-01-01", at]) for field in one["fields"][1:]
            }
            await self.changes.root.post(f"{URL}/{one['name']}/records", json=values)


@pytest.mark.parametrize("seed", range(6))
async def test_a_walk_through_changes_ends_where_a_straight_way_does(changes: Changes, empty_copy: Changes, seed: int):
    walk = Walk(changes, seed)
    for _ in range(60):
        await walk.step()
    assert walk.done > 20
    definitions = await walk.collections()
    answer = await empty_copy.root.put(f"{URL}/import", json={"collections": definitions})
    assert answer.status_code == 204, answer.text
    assert await empty_copy.outline() == await changes.outline()
    ids = "SELECT id FROM holdfast.trash ORDER BY 1"
    tables = "SELECT substr(tablename, 4) FROM pg_tables WHERE schemaname = 'holdfast_trash' ORDER BY 1"
    assert await changes.rows(ids) == await changes.rows(tables)


@pytest_asyncio.fixture(loop_scope="module")
async def empty_copy(database: str, tmp_path: Path) -> Any:
    async with running(database, tmp_path) as api:
        yield Changes(api)
