"""The back end in use, opened once for as long as the operator names the same place."""

import asyncio
import time
from typing import Final

from holdfast.errors import Unavailable
from holdfast.storage.place import Place
from holdfast.storage.storage import Storage, open_storage

LOOK_SECONDS: Final = 15.0
PATIENCE_SECONDS: Final = 3.0


class Storages:
    """Keeps the back end of the last place that was asked for."""

    def __init__(self) -> None:
        self._place: Place | None = None
        self._storage: Storage | None = None
        self._looked_at: Place | None = None
        self._looked = 0.0
        self._found = False

    async def is_reached(self, place: Place) -> bool:
        """Whether files can be had at a place now; asked there at most once in LOOK_SECONDS."""
        now = time.monotonic()
        if place != self._looked_at or now - self._looked > LOOK_SECONDS:
            self._found = await _is_reached(self, place)
            self._looked_at, self._looked = place, now
        return self._found

    def at(self, place: Place) -> Storage:
        """The back end at a place. Raises Unavailable for one that cannot be opened."""
        if self._storage is None or place != self._place:
            self._storage = open_storage(place)
            self._place = place
        return self._storage


async def _is_reached(storages: Storages, place: Place) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await storages.at(place).reach()
    except (Unavailable, TimeoutError):
        return False
    return True
