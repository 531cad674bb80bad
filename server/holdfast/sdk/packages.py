"""The packages that a process has made: one for superusers, one for everybody else, of the newest collections."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from holdfast.engine import Engine
from holdfast.sdk import shelf
from holdfast.sdk.schema import client_schema, is_for_superusers, slug
from holdfast.sdk.shelf import Shelved
from holdfast_sdk.schema import Schema, project_name
from holdfast_sdk.wheel import Wheel, build_wheel

MOST_KEPT: Final = 4  # wheels in memory; an installer asks for the list first, and then for a file
_log: Final = structlog.get_logger("holdfast.sdk")


class Packages:
    """What was made, kept for as long as the collections stay what they are. What was handed out is on the shelf."""

    def __init__(self) -> None:
        self._schemas: dict[bool, tuple[int, str, Schema]] = {}
        self._wheels: dict[str, Wheel] = {}
        self._lock = asyncio.Lock()

    def schema(self, engine: Engine, *, superuser: bool) -> Schema:
        """What the package of now is made of."""
        catalog, name = engine.catalog, slug(engine.settings.sdk_name or engine.catalog.options.meta.app_name)
        kept = self._schemas.get(superuser)
        if kept is not None and kept[0] == catalog.version and kept[1] == name:
            return kept[2]
        schema = client_schema(catalog, name, superuser=superuser)
        self._schemas[superuser] = (catalog.version, name, schema)
        return schema

    def state(self, engine: Engine, theirs: bytes) -> bytes:
        """The state of the collections, for a client that says which one it was made for."""
        found = self.schema(engine, superuser=is_for_superusers(theirs.decode("latin-1")))
        return found.schema.encode()

    async def wheel(self, engine: Engine, *, superuser: bool) -> Wheel:
        """The package of now. It is made in a thread: 200 collections take 0.4 s."""
        schema = self.schema(engine, superuser=superuser)
        key = f"{schema.name} {schema.version}"
        async with self._lock:
            found = self._wheels.get(key)
            if found is None:
                found = await asyncio.to_thread(build_wheel, schema)
                await _shelve(engine, schema, found)
                while len(self._wheels) >= MOST_KEPT:
                    self._wheels.pop(next(iter(self._wheels)))
                self._wheels[key] = found
        return found

    async def files(self, engine: Engine, project: str, *, superuser: bool) -> tuple[Shelved, ...]:
        """The wheels of a package, the oldest first; none if there is no such package, and never was."""
        schema = self.schema(engine, superuser=superuser)
        if project != project_name(schema.name):
            return await shelf.listed(engine.pool, project, superuser=superuser)
        wheel = await self.wheel(engine, superuser=superuser)
        found = await shelf.listed(engine.pool, project, superuser=superuser)
        if any(file.file == wheel.name for file in found):
            return found
        size, now = len(wheel.body), datetime.now(UTC)
        return (*found, Shelved(wheel.name, schema.version, wheel.sha256, size, wheel.metadata, now))

    async def file(self, engine: Engine, name: str, *, superuser: bool) -> Wheel | None:
        """A wheel by its file name, if it is still there and for this caller."""
        for wheel in self._wheels.values():
            if wheel.name == name and (superuser or not wheel.is_whole):
                return wheel
        return await shelf.find(engine.pool, name, superuser=superuser)


async def _shelve(engine: Engine, schema: Schema, wheel: Wheel) -> None:
    """Keep a wheel for later, if the database takes it: nobody who installs has to wait for that."""
    try:
        await shelf.shelve(engine.pool, project_name(schema.name), schema.version, wheel)
    except asyncpg.PostgresError as failure:
        _log.warning("a wheel could not be kept", file=wheel.name, reason=str(failure))
