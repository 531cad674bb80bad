"""A generated client: its package, made of what a server tells, imported into the test."""

import importlib
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import msgspec

from client import Api
from holdfast_sdk.generator.package import package
from holdfast_sdk.schema import Schema, package_name, read_schema

BLOG: list[dict[str, Any]] = [
    {
        "name": "writers",
        "type": "auth",
        "fields": [{"name": "name", "type": "text", "help": "As it is printed."}],
    },
    {
        "name": "articles",
        "comment": "What people write.",
        "history": True,
        "searchable": ["title"],
        "fields": [
            {"name": "title", "type": "text", "required": True},
            {"name": "views", "type": "number", "onlyInt": True},
            {"name": "rating", "type": "number", "nullable": True},
            {"name": "open", "type": "bool"},
            {"name": "status", "type": "select", "values": ["draft", "done"]},
            {"name": "tags", "type": "select", "values": ["red", "green", "blue"], "maxSelect": 3},
            {"name": "writer", "type": "relation", "collectionId": "writers"},
            {"name": "editors", "type": "relation", "collectionId": "writers", "maxSelect": 5},
            {"name": "due", "type": "date"},
            {"name": "price", "type": "decimal", "precision": 10, "scale": 2},
            {"name": "meta", "type": "json"},
            {"name": "place", "type": "geoPoint"},
            {"name": "cover", "type": "file", "maxSize": 50_000_000},
            {"name": "papers", "type": "file", "maxSelect": 5, "maxSize": 50_000_000},
            {"name": "class", "type": "text"},
            {"name": "created", "type": "autodate", "onCreate": True},
        ],
    },
    {
        "name": "remarks",
        "fields": [
            {"name": "message", "type": "text"},
            {"name": "stars", "type": "number", "onlyInt": True},
            {"name": "article", "type": "relation", "collectionId": "articles"},
        ],
    },
]
OPEN = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
VIEW = {
    "name": "totals",
    "type": "view",
    "viewQuery": "SELECT a.id, a.title, count(r.id) AS remarks FROM articles a LEFT JOIN remarks r ON r.article = a.id"
    " GROUP BY a.id, a.title",
    "listRule": "",
    "viewRule": "",
}


def load(schema: Schema, folder: Path) -> Any:
    """The package of a schema, imported under a name of its own."""
    own = msgspec.structs.replace(schema, name=f"{schema.name}-{uuid.uuid4().hex[:8]}")
    write(own, folder)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return importlib.import_module(package_name(own.name))
    finally:
        sys.path.remove(str(folder))


def write(schema: Schema, folder: Path) -> Path:
    """The package of a schema as files; its directory."""
    for name, text in package(schema).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / package_name(schema.name)


async def schema_of(client: httpx.AsyncClient) -> Schema:
    """What a server tells."""
    answer = await client.get("/api/sdk/python/schema.json")
    assert answer.status_code == 200, answer.text
    return read_schema(answer.content)


async def blog(api: Api, folder: Path) -> Any:
    """The package of a server with writers, articles, remarks and a view of them."""
    for collection in (*BLOG, VIEW):
        answer = await api.root.post("/api/collections", json={**({} if collection is VIEW else OPEN), **collection})
        assert answer.status_code == 200, answer.text
    return load(await schema_of(api.root), folder)


def client_of(api: Api, package: Any, **more: Any) -> Any:
    """A client of the application in the test's own process."""
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(api.front, raise_app_exceptions=False), base_url="http://holdfast.test"
    )
    return package.AsyncClient("http://holdfast.test", http=http, **more)
