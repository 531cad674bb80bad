"""A Holdfast to move into: the application in the test's own process, and moves into its database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from client import Api, running
from holdfast.app import running as engine_of
from holdfast.pocketbase.move import Order, move
from holdfast.pocketbase.report import MovedCollection, Report


class Here:
    """The application that is moved into. Its files are in `storage`."""

    def __init__(self, api: Api, database: str) -> None:
        self.api = api
        self.storage = api.settings.data / "storage"
        self._database = database

    async def move(self, folder: Path, **more: Any) -> Report:
        """Move a directory in, as the command does, while the application runs."""
        async with engine_of(self.api.settings, self._database) as engine:
            report = await move(engine, Order(folder, **more))
        if self.api.front.engine is not None:
            await self.api.front.engine.live.reload()
        # The secrets of the superusers' tokens are PocketBase's now.
        self.api.root.headers["Authorization"] = await self.api.login()
        return report


@asynccontextmanager
async def running_here(database: str, folder: Path, **changes: Any) -> AsyncIterator[Here]:
    """The application on a database."""
    async with running(database, folder / "data", **changes) as api:
        yield Here(api, database)


def counts(report: Report, name: str) -> dict[str, int]:
    """What became of the records of a collection, without what is 0."""
    found = next((one for one in report.collections if one.name == name), MovedCollection(name=name, type=""))
    shown = {key: count for key, count in msgspec.structs.asdict(found).items() if isinstance(count, int) and count}
    assert found.read == found.inserted + found.updated + found.unchanged + found.refused
    return shown


def notes(report: Report) -> dict[str, str]:
    """What did not come as it was."""
    return {note.where: note.what for note in report.notes}
