"""How an answer that comes in pieces goes out: small ones in one write, files by the kernel, the rest in pieces."""

import os
from typing import Final

from holdfast.http.cycle import SCOPE_CYCLE, Cycle, Headers
from holdfast.http.pouring import pour
from holdfast.http.request import Request
from holdfast.http.response import Poured
from holdfast.http.stream import Send
from holdfast.http.wire import send_over

Common = tuple[Headers, bytes]
"""Headers that every answer has, and the same as they go over the line."""
_END: Final = {"type": "http.response.body", "body": b""}


async def send_poured(
    request: Request, send: Send, common: Common, headers: list[tuple[bytes, bytes]], response: Poured
) -> int:
    """Send an answer; how many bytes of a body that was. The line stays open for the next request.

    Raises TimeoutError for a client that takes nothing any more, and what its pieces raise.
    """
    cycle: Cycle | None = request.scope.get(SCOPE_CYCLE)
    is_head = request.scope["method"] == "HEAD"
    body = b"" if is_head else response.body
    try:
        if cycle is not None and (body or is_head):
            if cycle.flow.write_paused:
                await cycle.ready()
            cycle.answer(response.status, common[1], headers, body)
            return len(body)
        await send({"type": "http.response.start", "status": response.status, "headers": [*common[0], *headers]})
        if body or is_head:
            await send({**_END, "body": body})
            return len(body)
        sent = await _over(cycle, response)
        if sent is None:
            sent = await pour(request.receive, send, response.pieces())
        await send(_END)
        return sent
    finally:
        if response.opened is not None:
            os.close(response.opened.handle)


async def _over(cycle: Cycle | None, response: Poured) -> int | None:
    """Let the kernel send a file, where it can."""
    opened, size = response.opened, response.size
    if opened is None or size is None or cycle is None:
        return None
    return await send_over(cycle, opened.handle, opened.start, size)
