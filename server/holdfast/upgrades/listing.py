"""The system migrations of this server beside those of its database."""

import ast
import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from holdfast import paths
from holdfast.db.failures import as_api_errors
from holdfast.db.migrate import APP, checksum
from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw, value
from holdfast.errors import NotFound
from holdfast.expressions.moment import stamp

State: TypeAlias = Literal["applied", "pending", "drifted", "unknown"]
_APPLIED: Final = Statement.of(
    # A database whose migrations were all applied by a version before checksums has no such column.
    raw("SELECT m.name, m.ran_on, to_jsonb(m) ->> 'checksum' AS checksum FROM holdfast.migration AS m")
    + raw(" WHERE m.app_name = ")
    + value(APP, "text")
    + raw(" ORDER BY m.name")
)


class Shipped(msgspec.Struct, frozen=True):
    """A migration as this version of the server has it."""

    description: str
    checksum: str
    source: str


class Applied(msgspec.Struct, frozen=True):
    """A migration as the database has it; `checksum` is empty for one that came before these were kept."""

    at: datetime
    checksum: str


async def list_migrations(pool: Pool) -> list[dict[str, Any]]:
    """All that the server or its database knows, the newest first."""
    shipped = await asyncio.to_thread(read_shipped, paths.migrations())
    return listed(shipped, await _applied(pool))


async def view_migration(pool: Pool, name: str) -> dict[str, Any]:
    """One of them, with its source. Raises NotFound."""
    shipped = await asyncio.to_thread(read_shipped, paths.migrations())
    for one in listed(shipped, await _applied(pool)):
        if one["name"] == name:
            return {**one, "source": shipped[name].source if name in shipped else ""}
    raise NotFound("There is no migration of this name.")


async def _applied(pool: Pool) -> dict[str, Applied]:
    with as_api_errors():
        rows = await pool.fetch(_APPLIED)
    return {row["name"]: Applied(row["ran_on"].replace(tzinfo=UTC), row["checksum"] or "") for row in rows}


def listed(shipped: Mapping[str, Shipped], applied: Mapping[str, Applied]) -> list[dict[str, Any]]:
    """The migrations of both, the newest first. Pure."""
    found: list[dict[str, Any]] = []
    for name in sorted({*shipped, *applied}, reverse=True):
        file, done = shipped.get(name), applied.get(name)
        found.append(
            {
                "name": name,
                "description": file.description if file else "",
                "state": state_of(file, done),
                "applied": stamp(done.at) if done else "",
                "checksum": done.checksum if done else "",
                "file": file.checksum if file else "",
            }
        )
    return found


def state_of(file: Shipped | None, done: Applied | None) -> State:
    """What has become of a migration; one that is `unknown` was applied by another version of the server."""
    if done is None:
        return "pending"
    if file is None:
        return "unknown"
    return "drifted" if done.checksum and done.checksum != file.checksum else "applied"


def read_shipped(folder: Path) -> dict[str, Shipped]:
    """The migrations in a folder, by name."""
    return {path.stem.removeprefix("m"): _read(path) for path in sorted(folder.glob("m[0-9]*.py"))}


def _read(path: Path) -> Shipped:
    source = path.read_text("utf-8")
    return Shipped(_description(source), checksum(path), source)


def _description(source: str) -> str:
    """What the file says that it is for: its DESCRIPTION, without running it."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == "DESCRIPTION" for one in node.targets
        ):
            return str(ast.literal_eval(node.value))
    return ""
