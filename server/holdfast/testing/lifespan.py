"""Runs the lifespan of an ASGI application in the test's own event loop."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None]:
    """Start the application, and stop it at the end of the block. Raises what its start or stop raises."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.create_task(app(scope, to_app.get, from_app.put))

    async def step(name: str) -> None:
        await to_app.put({"type": f"lifespan.{name}"})
        answer = asyncio.create_task(from_app.get())
        await asyncio.wait((answer, task), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            await task
        said = answer.result()
        if said["type"] != f"lifespan.{name}.complete":
            raise AssertionError(said)

    await step("startup")
    try:
        yield
    finally:
        await step("shutdown")
        await task
