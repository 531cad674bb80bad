"""An application whose collections keep a history, for tests of it."""

import itertools
from typing import Any

import httpx

from client import Api

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "count", "type": "number"},
    {"name": "due", "type": "date"},
    {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"name": "place", "type": "geoPoint"},
    {"name": "meta", "type": "json"},
    {"name": "price", "type": "decimal", "precision": 9, "scale": 2},
    {"name": "done", "type": "bool"},
    {"name": "owner", "type": "text"},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "changed", "type": "autodate", "onCreate": True, "onUpdate": True},
]
_NAMES = (f"papers{number}" for number in itertools.count(1))


class Archive:
    """An application and its collections, each with a name of its own."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def papers(self, **more: Any) -> str:
        """A new collection that keeps a history unless `more` says otherwise; its name."""
        name = next(_NAMES)
        fields = more.pop("fields", FIELDS)
        await self.api.define(name, fields, **{"history": True, **more})
        return name

    async def changed(self, name: str, id: str, /, **values: Any) -> dict[str, Any]:
        """The record after an update by the superuser."""
        answer = await self.api.root.patch(f"/api/collections/{name}/records/{id}", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def deleted(self, name: str, id: str) -> None:
        """Delete a record."""
        answer = await self.api.root.delete(f"/api/collections/{name}/records/{id}")
        assert answer.status_code == 204, answer.text

    async def redefine(self, name: str, **changes: Any) -> dict[str, Any]:
        """Change the collection."""
        answer = await self.api.root.patch(f"/api/collections/{name}", json=changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def versions(self, name: str, id: str, client: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
        """The history of a record, the newest version first."""
        answer = await (client or self.api.root).get(f"/api/collections/{name}/records/{id}/history")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    async def revert(self, name: str, id: str, version: int, client: httpx.AsyncClient | None = None) -> httpx.Response:
        """Write a version back."""
        path = f"/api/collections/{name}/records/{id}/revert"
        return await (client or self.api.root).post(path, json={"version": version})

    async def events(self, id: str) -> list[str]:
        """What happened to a record, as the log has it, in order."""
        rows = await self.api.pool.acquire()
        try:
            found = await rows.fetch("SELECT type FROM holdfast.events WHERE record_id = $1 ORDER BY seq", id)
        finally:
            self.api.pool.release(rows)
        return [row["type"].rpartition(".")[2] for row in found]

    async def as_of(self, name: str, moment: str, **query: Any) -> list[dict[str, Any]]:
        """The records as they were, as the superuser lists them."""
        answer = await self.api.root.get(f"/api/collections/{name}/records", params={"asOf": moment, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]
