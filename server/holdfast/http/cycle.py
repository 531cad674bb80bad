"""One request on its line and the answer to it: uvicorn's, but what costs something is made when it is asked for.

A small read is dearer by what is made for it than by its SQL: uvicorn makes an event, fourteen attributes and
a callback of each request, and its `send` runs two regular expressions over each header.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence, Sized
from functools import cached_property
from typing import Any, Final, TypeAlias

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
CLOSE: Final = (b"connection", b"close")
SCOPE_CYCLE: Final = "holdfast.cycle"
"""Where the scope of a request holds its Cycle, if the server that runs the application is ours."""
SCOPE_HEAD_BYTES: Final = "holdfast.head_bytes"
"""Where it says how many bytes its head has at most."""
_HARMLESS: Final = bytes(code for code in range(256) if code == 9 or (code >= 32 and code != 127))
_JOINED_BYTES: Final = 64 * 1024  # of a body: copied behind its head, which is cheaper than a second write
_log: Final = logging.getLogger("uvicorn.error")


def header_lines(headers: Headers) -> bytes:
    """Headers as they go over the line. For what is the same in every answer."""
    return b"".join([b"%s: %s\r\n" % header for header in headers])


class Cycle(RequestResponseCycle):
    """A request, and how far its answer is. `on_response` is called when the answer is out."""

    # As nearly every request leaves them: on the class, so that they are not set for each.
    disconnected = False
    waiting_for_100_continue = False
    body: Any = b""
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    logger = _log
    access_log = False

    def __init__(self, wire: Any, scope: Any, *, keep_alive: bool) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.scope = scope
        self.transport = wire.transport
        self.flow = wire.flow
        self._behind: Sized = wire.pipeline
        self.default_headers = wire.server_state.default_headers
        self.default_lines: bytes = wire.default_lines()
        self.keep_alive = keep_alive
        self.on_response: Callable[[], None] = wire.on_response_complete

    @cached_property
    def message_event(self) -> asyncio.Event:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Set when there is more to receive. A request without a body is hardly ever asked for one."""
        event = asyncio.Event()
        if not self.more_body or self.body or self.disconnected:
            event.set()
        return event

    def wake(self) -> None:
        """Tell who waits to receive."""
        event = self.__dict__.get("message_event")
        if event is not None:
            event.set()

    async def run(self, application: Any, tasks: set[Any]) -> None:
        """Have the application answer. Its task is taken out of `tasks` at the end."""
        try:
            await application(self.scope, self.receive, self.send)
            if not self.response_complete and not self.disconnected:
                raise RuntimeError("The application has not answered.")
        except BaseException as failure:
            _log.error("Exception in ASGI application", exc_info=failure)
            if self.response_started:
                self.transport.close()
            else:
                await self.send_500_response()
        finally:
            self.on_response = _nothing
            del self.scope[SCOPE_CYCLE]  # each holds the other: nothing should wait for the collector
            tasks.discard(asyncio.current_task())

    @override
    async def receive(self) -> Any:
        """The next piece of the body, or that the client has gone."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            if self.more_body or not self._behind:  # else what came behind would grow, and nothing of this one come
                self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        message = {"type": "http.request", "body": bytes(self.body), "more_body": self.more_body}
        self.body = b""
        return message

    async def ready(self) -> None:
        """Wait until the client has taken what was written before. Call it where `flow.write_paused`."""
        if not self.disconnected:
            await self.flow.drain()

    def answer(self, status: int, lines: bytes, headers: Headers, body: bytes) -> None:
        """Send a whole answer in one write: status, headers and body as they are.

        What uvicorn's own `send` does for one, but for its regular expressions. Some headers come as `header_lines`,
        the length among them. Raises RuntimeError for a second answer, and for a control character in `headers`.
        """
        if self.disconnected:
            return
        if self.response_started:
            raise RuntimeError("The answer has begun already.")
        head = [STATUS_LINE[status], self.default_lines, lines]
        for header in headers:
            if header[1].translate(None, _HARMLESS):
                raise RuntimeError("A header holds a control character.")
            head.append(b"%s: %s\r\n" % header)
        self.response_started = True
        self.waiting_for_100_continue = False
        if CLOSE in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            head.append(b"connection: close\r\n")
        head.append(b"\r\n")
        if len(body) <= _JOINED_BYTES:
            head.append(body)
            self.transport.write(b"".join(head))
        else:
            self.transport.write(b"".join(head))
            self.transport.write(body)
        self.response_complete = True
        self.wake()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _nothing() -> None:
    """The answer is out, and nobody waits for it any more."""
