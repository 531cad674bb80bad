"""Small pictures: found in the register, or made by whoever asks first while all others wait for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.files.studio import Busy, CannotMake, Job, Studio
from holdfast.files.thumb import Thumb
from holdfast.storage.spool import Spooled
from holdfast.storage.storage import Missing

MOST_SOURCE_BYTES: Final = 100 << 20  # of a picture; of a larger one none is made
WAIT_SECONDS: Final = 20.0  # for another process that is at it
_LOOK_SECONDS: Final = 0.1
_log: Final = structlog.get_logger("holdfast.files")

_THIS: Final = (
    raw(" WHERE t.collection_id = ")
    + named("collection", "text")
    + raw(" AND t.record_id = ")
    + named("record", "text")
    + raw(" AND t.name = ")
    + named("name", "text")
    + raw(" AND t.variant = ")
    + named("variant", "text")
)
# Who has claimed one a minute ago was killed at it. What could not be made is tried again after an hour.
_CLAIM: Final = Statement.of(
    raw("INSERT INTO holdfast.thumbs AS t (collection_id, record_id, name, variant, key) VALUES (")
    + named("collection", "text")
    + raw(", ")
    + named("record", "text")
    + raw(", ")
    + named("name", "text")
    + raw(", ")
    + named("variant", "text")
    + raw(", ")
    + named("key", "text")
    + raw(") ON CONFLICT (collection_id, record_id, name, variant) DO UPDATE")
    + raw(" SET claimed = clock_timestamp(), failed = '' WHERE t.size IS NULL AND t.claimed < clock_timestamp()")
    + raw(" - CASE t.failed WHEN '' THEN interval '1 minute' ELSE interval '1 hour' END RETURNING t.claimed")
)
_LOOK: Final = Statement.of(
    raw("SELECT t.size, t.media_type, t.failed, extract(epoch FROM t.claimed)::bigint AS created")
    + raw(" FROM holdfast.thumbs AS t")
    + _THIS
)
_DONE: Final = Statement.of(
    raw("UPDATE holdfast.thumbs AS t SET size = ")
    + named("size", "bigint")
    + raw(", media_type = ")
    + named("type", "text")
    + _THIS
    + raw(" AND t.claimed = ")
    + named("claimed", "timestamptz")
    + raw(" RETURNING extract(epoch FROM t.claimed)::bigint AS created")
)
_FAILED: Final = Statement.of(
    raw("UPDATE holdfast.thumbs AS t SET failed = ")
    + named("reason", "text")
    + _THIS
    + raw(" AND t.claimed = ")
    + named("claimed", "timestamptz")
)
_FORGET: Final = Statement.of(raw("DELETE FROM holdfast.thumbs AS t") + _THIS)


class Original(msgspec.Struct, frozen=True):
    """The picture that a small one is made of: the file of a record, and where it is."""

    collection_id: str
    record_id: str
    name: str
    key: str
    size: int
    media_type: str


class Small(msgspec.Struct, frozen=True):
    """A small picture that is there. `size` is in bytes, `created` in seconds since 1970."""

    key: str
    size: int
    media_type: str
    created: int


class Thumbs:
    """Makes small pictures for one server process, each once, however many ask for it."""

    def __init__(self) -> None:
        self._studio = Studio()
        self._making: dict[str, asyncio.Task[Small | None]] = {}

    async def make(self, engine: Engine, original: Original, asked: Thumb) -> Small | None:
        """A small picture that is not there yet; None if it cannot be had: not of this picture, or not now."""
        if original.size > MOST_SOURCE_BYTES:
            return None
        key = asked.key(original.collection_id, original.record_id, original.name)
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._one(engine, original, asked, key), name="make a small picture")
            self._making[key] = task
            task.add_done_callback(lambda done: self._made(key, done))
        # A client that goes away must not take it from the others.
        return await asyncio.shield(task)

    def _made(self, key: str, task: asyncio.Task[Small | None]) -> None:
        self._making.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, also where all who asked for it have gone

    async def close(self) -> None:
        """End what is being made, and the processes that make it."""
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        await self._studio.close()

    async def _one(self, engine: Engine, original: Original, asked: Thumb, key: str) -> Small | None:
        inputs = _inputs(original, asked)
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        with as_api_errors():
            while asyncio.get_running_loop().time() < deadline:
                try:
                    row = await engine.pool.fetchrow(_CLAIM, Inputs(named={**inputs, "key": key}))
                except asyncpg.ForeignKeyViolationError:
                    return None  # the file has just been deleted
                if row is not None:
                    return await self._claimed(engine, original, asked, key, {**inputs, "claimed": row["claimed"]})
                found = await engine.pool.fetchrow(_LOOK, Inputs(named=inputs))
                if found is not None and found["failed"]:
                    return None
                if found is not None and found["size"] is not None:
                    return Small(key, found["size"], found["media_type"], found["created"])
                await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _claimed(
        self, engine: Engine, original: Original, asked: Thumb, key: str, inputs: dict[str, object]
    ) -> Small | None:
        """Make it, store it and say so: nobody else is at it."""
        try:
            content, media_type = await self._draw(engine, original, asked)
            await engine.storage.keep(key, Spooled.of(content))
        except CannotMake as failure:
            _log.warning("a small picture cannot be made", file=original.key, size=asked.size, reason=str(failure))
            await engine.pool.execute(_FAILED, Inputs(named={**inputs, "reason": str(failure)[:500]}))
            return None
        except (ApiError, Busy, Missing, OSError) as failure:
            _log.warning("a small picture is not made now", file=original.key, size=asked.size, reason=repr(failure))
            await engine.pool.execute(_FORGET, Inputs(named=inputs))
            return None
        except asyncio.CancelledError:
            await engine.pool.execute(_FORGET, Inputs(named=inputs))
            raise
        size: dict[str, object] = {"size": len(content), "type": media_type}
        row = await engine.pool.fetchrow(_DONE, Inputs(named={**inputs, **size}))
        if row is None:
            # The file was deleted meanwhile, and its small pictures with it.
            await engine.storage.delete([key])
            return None
        return Small(key, len(content), media_type, row["created"])

    async def _draw(self, engine: Engine, original: Original, asked: Thumb) -> tuple[bytes, str]:
        async with _source(engine, original) as source:
            target = engine.spool.new_path()
            job = Job(str(source), str(target), original.media_type, asked.width, asked.height, asked.fit, asked.format)
            try:
                made = await self._studio.make(job)
                return await asyncio.to_thread(target.read_bytes), made.type
            finally:
                target.unlink(missing_ok=True)


def _inputs(original: Original, asked: Thumb) -> dict[str, object]:
    """Which small picture of which file, as the statements above take it."""
    return {
        "collection": original.collection_id,
        "record": original.record_id,
        "name": original.name,
        "variant": asked.variant,
    }


async def forget(engine: Engine, original: Original, asked: Thumb) -> None:
    """Let a small picture be made anew whose object is gone."""
    inputs = _inputs(original, asked)
    with as_api_errors():
        await engine.pool.execute(_FORGET, Inputs(named=inputs))


@asynccontextmanager
async def _source(engine: Engine, original: Original) -> AsyncGenerator[Path, None]:
    """The picture as a file of this machine. Raises Missing, and Unavailable."""
    local = engine.storage.path(original.key)
    if local is not None:
        yield local
        return
    copy = engine.spool.new_path()
    try:
        await engine.storage.copy_to(original.key, copy)
        yield copy
    finally:
        copy.unlink(missing_ok=True)
