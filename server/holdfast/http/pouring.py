"""A long answer goes out piece by piece: never faster than its client takes it, and not to one that has gone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from holdfast.http.stream import Receive, Send

TAKEN_SECONDS: Final = 60.0  # in which a client has to take a piece


async def pour(receive: Receive, send: Send, pieces: AsyncGenerator[bytes, None]) -> int:
    """Send the pieces until all are out or the client has gone; how many bytes that was.

    Raises TimeoutError when the client takes nothing any more, and what `pieces` raises.
    """
    sent = 0
    gone = asyncio.create_task(_until_gone(receive))
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if gone.done():
                    break
                async with asyncio.timeout(TAKEN_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                sent += len(piece)
    finally:
        gone.cancel()
    return sent


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
