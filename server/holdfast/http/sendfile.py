"""A file goes from the disk to the line by the kernel alone: no byte of it comes into this process."""

import asyncio
import os
import select
from collections.abc import Callable
from typing import Any, Final

from holdfast.http.pouring import TAKEN_SECONDS

TURN_BYTES: Final = 16 * 1024 * 1024  # of one file before a thread looks after others
PIECE_BYTES: Final = 1024 * 1024
PATIENCE_MS: Final = 5  # of a thread with a line that is full; a client that needs longer is waited for without it
_LOOK_SECONDS: Final = 0.001


def can_send_files(transport: Any) -> bool:
    """Whether the kernel may write to this line itself: it knows nothing of TLS."""
    return hasattr(os, "sendfile") and transport.get_extra_info("sslcontext") is None


async def send_file(transport: Any, handle: int, start: int, size: int, is_gone: Callable[[], bool]) -> int:
    """Send a part of an open file over a transport whose headers are out; how many bytes that were.

    Raises TimeoutError when the client takes nothing any more, and OSError when the disk fails.
    """
    await _drained(transport, is_gone)
    loop = asyncio.get_running_loop()
    # A handle of its own, since the loop watches none that a transport uses.
    line = os.dup(transport.get_extra_info("socket").fileno())
    sent = 0
    try:
        while sent < size and not is_gone():
            count = await loop.run_in_executor(None, _pump, line, handle, start + sent, min(TURN_BYTES, size - sent))
            if count == 0 and await _is_over(loop, line, handle, start + sent):
                break  # the file is shorter than it was
            sent += count
    except (BrokenPipeError, ConnectionResetError):
        pass  # the client has gone, as clients do
    finally:
        os.close(line)
    return sent


def _pump(line: int, handle: int, start: int, size: int) -> int:
    """Send while the line takes it, or nearly; how many bytes that were. Blocks for as long as the disk does."""
    sent = 0
    room = select.poll()
    room.register(line, select.POLLOUT)
    while sent < size:
        try:
            count = os.sendfile(line, handle, start + sent, min(PIECE_BYTES, size - sent))
        except BlockingIOError:
            if not room.poll(PATIENCE_MS):
                break
            continue
        if count == 0:
            break
        sent += count
    return sent


async def _is_over(loop: asyncio.AbstractEventLoop, line: int, handle: int, at: int) -> bool:
    """Whether nothing went out because the file has no more; otherwise wait until the line takes something."""
    if os.fstat(handle).st_size <= at:
        return True
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(line, _set, ready)
    try:
        async with asyncio.timeout(TAKEN_SECONDS):
            await ready
    finally:
        loop.remove_writer(line)
    return False


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


async def _drained(transport: Any, is_gone: Callable[[], bool]) -> None:
    """Wait until the headers are with the kernel: what follows them must not be faster."""
    async with asyncio.timeout(TAKEN_SECONDS):
        while transport.get_write_buffer_size() and not is_gone():  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(_LOOK_SECONDS)
