"""A file that was sent in pieces before it is imported: read from where it waits, as often as it is tried."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from holdfast.engine import Engine
from holdfast.errors import Conflict, NotFound, Problem, ValidationFailed
from holdfast.files.resumable import NO_UPLOAD, give_up, mine
from holdfast.identity import Principal
from holdfast.schema.collection import Collection
from holdfast.storage.pending import Pending
from holdfast.storage.place import uploads_of

_PIECE: Final = 1 << 20  # bytes that are read in one go, in a thread


class Sent:
    """A complete upload of the caller that is to be imported."""

    def __init__(self, engine: Engine, pending: Pending) -> None:
        self._engine = engine
        self._pending = pending

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._pending.length

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it. Raises NotFound where its time is over meanwhile."""
        file = await asyncio.to_thread(_open, uploads_of(self._engine.settings) / self._pending.id)
        try:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
        finally:
            file.close()

    async def forget(self) -> None:
        """Let go of it: it is imported."""
        await give_up(self._engine, self._pending)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as failure:
        raise NotFound(NO_UPLOAD) from failure


async def find_sent(engine: Engine, who: Principal, collection: Collection, id: str) -> Sent:
    """The upload with this id. Raises NotFound, Conflict while it is not complete, ValidationFailed for one that is for
    something else."""
    pending, size = await mine(engine, who, id)
    if pending.field_id or pending.collection_id != collection.id:
        problem = Problem("validation_invalid_upload", "This upload is for something else.")
        raise ValidationFailed({"upload": problem})
    if size < pending.length:
        raise Conflict(f"The upload is not complete: {size} of {pending.length} bytes have come.")
    return Sent(engine, pending)
