"""The packages that a process has made: one for superusers, one for everybody else, of the newest collections."""

import asyncio
from typing import Final

from holdfast.engine import Engine
from holdfast.sdk.schema import client_schema, is_for_superusers, slug
from holdfast_sdk.schema import Schema
from holdfast_sdk.wheel import Wheel, build_wheel

MOST_KEPT: Final = 4  # wheels; an installer asks for the list first, and may come back when there is a newer one


class Packages:
    """What was made, kept for as long as the collections stay what they are."""

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
        """The package of now. It is made in a thread: 200 collections take 0.3 s."""
        schema = self.schema(engine, superuser=superuser)
        key = f"{schema.name} {schema.version}"
        async with self._lock:
            found = self._wheels.get(key)
            if found is None:
                found = await asyncio.to_thread(build_wheel, schema)
                while len(self._wheels) >= MOST_KEPT:
                    self._wheels.pop(next(iter(self._wheels)))
                self._wheels[key] = found
        return found

    def kept(self, name: str, *, superuser: bool) -> Wheel | None:
        """A wheel by its file name, if it is still kept and for this caller."""
        for wheel in self._wheels.values():
            if wheel.name == name and (superuser or not wheel.is_whole):
                return wheel
        return None
