"""A server that goes on when its database is another one: what works with the old one ends, and begins anew."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Final, TypeAlias

import structlog

from holdfast.backups.swapping import until_over
from holdfast.engine import Engine

RETRY_SECONDS: Final = 1.0
Serve: TypeAlias = Callable[[], AbstractAsyncContextManager[Engine]]
"""All that works with a database, for the block."""
_log: Final = structlog.get_logger("holdfast.backups")


@asynccontextmanager
async def in_turns(
    serve: Serve, opened: Callable[[Engine], None], paused: Callable[[], None] = lambda: None
) -> AsyncGenerator[None]:
    """Serve for the block, and once more whenever another database takes the place of the one that is served.

    `opened` is called with each engine, `paused` before one is closed for another. Raises what `serve` raises at first.
    """
    stack = AsyncExitStack()
    engine = await stack.enter_async_context(serve())
    opened(engine)
    turning = asyncio.create_task(_turn(stack, engine, serve, opened, paused), name="follow the database")
    try:
        yield
    finally:
        turning.cancel()
        with suppress(asyncio.CancelledError):
            await turning
        await stack.aclose()


async def _turn(
    stack: AsyncExitStack,
    engine: Engine,
    serve: Serve,
    opened: Callable[[Engine], None],
    paused: Callable[[], None],
) -> None:
    while True:
        await engine.live.leaving.wait()
        _log.info("the database is about to be replaced: requests wait")
        paused()
        dsn, oid = engine.pool.dsn, engine.pool.oid
        await stack.aclose()
        await until_over(dsn, oid)
        engine = await _begin(stack, serve)
        opened(engine)
        _log.info("requests are answered again", replaced=engine.pool.oid != oid)


async def _begin(stack: AsyncExitStack, serve: Serve) -> Engine:
    while True:
        try:
            return await stack.enter_async_context(serve())
        except Exception as failure:  # a plugin that does not start, a database that is away: it may be better soon
            _log.error("the server cannot go on with its database yet", exc_info=failure)
            await asyncio.sleep(RETRY_SECONDS)
