"""Compares what was moved with PocketBase's own tables: every record, field by field, and every file."""

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx

SECRET = ("password", "tokenKey")
LEFT = ("_mfas", "_otps")


def expected(one: Mapping[str, Any], value: Any) -> Any:
    """What the API is to answer for what SQLite has."""
    type, many = one["type"], one["type"] in ("select", "file", "relation") and (one.get("maxSelect") or 1) > 1
    if many:
        return json.loads(value) if value else []
    if type == "bool":
        return bool(value)
    if type == "number":
        return value or 0
    if type == "json":
        return None if value in (None, "") else json.loads(value)
    if type == "geoPoint":
        return json.loads(value)
    return value or ""


def tables(folder: Path) -> dict[str, tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]:
    """Each collection of PocketBase's with its id, its fields and its rows."""
    db = sqlite3.connect(f"file:{folder / 'data.db'}?immutable=1", uri=True)
    db.row_factory = sqlite3.Row
    found: dict[str, tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = {}
    for row in db.execute("SELECT * FROM _collections WHERE type != 'view'").fetchall():
        rows = [dict(one) for one in db.execute(f"SELECT * FROM `{row['name']}`")]  # noqa: S608
        found[row["name"]] = (row["id"], json.loads(row["fields"]), rows)
    db.close()
    return found


async def all_records(client: httpx.AsyncClient, collection: str) -> AsyncIterator[dict[str, Any]]:
    """Every record of a collection, by keyset."""
    cursor = ""
    while True:
        path = f"/api/collections/{collection}/records"
        answer = await client.get(path, params={"perPage": 1000, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for one in page["items"]:
            yield one
        cursor = page["nextCursor"]
        if not cursor:
            return


async def compare(client: httpx.AsyncClient, folder: Path, storage: Path) -> tuple[int, int]:
    """Compare all; how many records and files that were. `client` is a superuser's."""
    records = files = 0
    for name, (collection, fields, rows) in tables(folder).items():
        if name in LEFT:
            continue
        mine = {row["id"]: row async for row in all_records(client, name)}
        shown = [one for one in fields if not (one.get("hidden") or one["type"] == "password" or one["name"] in SECRET)]
        for row in rows:
            there = mine[row["id"]]
            for one in shown:
                assert there[one["name"]] == expected(one, row[one["name"]]), (name, row["id"], one["name"])
            for one in fields:
                if one["type"] == "file":
                    held = expected(one, row[one["name"]])
                    for file in [held] if isinstance(held, str) else held:
                        if file:
                            place = Path(collection) / row["id"] / file
                            assert (storage / place).read_bytes() == (folder / "storage" / place).read_bytes(), place
                            files += 1
            records += 1
    return records, files
