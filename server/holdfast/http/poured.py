"""How an answer that comes in pieces goes out: small ones in one write, files by the kernel, the rest in pieces."""

import os
from functools import partial
from typing import Final

from holdfast.http.pouring import pour
from holdfast.http.request import Request
from holdfast.http.response import Poured
from holdfast.http.stream import Send
from holdfast.http.wire import SCOPE_SEND_WHOLE, Headers, SendWhole, send_over

Common = tuple[Headers, bytes]
"""Headers that every answer has, and the same as they go over the line."""
_END: Final = {"type": "http.response.body", "body": b""}


async def send_poured(
    request: Request, send: Send, common: Common, headers: list[tuple[bytes, bytes]], response: Poured
) -> int:
    """Send an answer; how many bytes of a body that was. The line stays open for the next request.

    Raises TimeoutError for a client that takes nothing any more, and what its pieces raise.
    """
    send_whole: SendWhole | None = request.scope.pop(SCOPE_SEND_WHOLE, None)  # it holds the cycle
    is_head = request.scope["method"] == "HEAD"
    body = b"" if is_head else response.body
    try:
        if send_whole is not None and (body or is_head):
            await send_whole(response.status, common[1], headers, body)
            return len(body)
        await send({"type": "http.response.start", "status": response.status, "headers": [*common[0], *headers]})
        if body or is_head:
            await send({**_END, "body": body})
            return len(body)
        sent = await _over(send_whole, response)
        if sent is None:
            sent = await pour(request.receive, send, response.pieces())
        await send(_END)
        return sent
    finally:
        if response.opened is not None:
            os.close(response.opened.handle)


async def _over(send_whole: SendWhole | None, response: Poured) -> int | None:
    """Let the kernel send a file, where it can."""
    opened, size = response.opened, response.size
    if opened is None or size is None or not isinstance(send_whole, partial):
        return None
    return await send_over(send_whole.args[0], opened.handle, opened.start, size)
