"""The line itself: uvicorn's HTTP protocol, with limits on what comes before there is a request.

uvicorn gathers headers of any size, waits for them for ever, and answers what it cannot read with plain text.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from holdfast.errors import ApiError, BadRequest, HeadersTooLarge, UriTooLong
from holdfast.http.refusal import refusal
from holdfast.http.sendfile import can_send_files, send_file
from holdfast.http.stream import AsgiLine, Line, Receive, Send

MOST_HEAD_BYTES: Final = 2 * 1024 * 1024  # of request line and headers: above what any setting allows
MOST_URI_BYTES: Final = 65_000  # httptools cannot take one of 65,536 apart
HEAD_SECONDS: Final = 20.0  # for request line and headers, from the first byte or from the connection on
SILENT_SECONDS: Final = 60.0  # without a byte of a body that is not complete
_LOOK_SECONDS: Final = 10.0
_HARMLESS: Final = bytes(code for code in range(256) if code == 9 or (code >= 32 and code != 127))
_JOINED_BYTES: Final = 64 * 1024  # of a body: copied behind its head, which is cheaper than a second write
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
SendWhole: TypeAlias = Callable[[int, bytes, Headers, bytes], Awaitable[None]]
"""Sends status, headers and body as they are. Some headers come as `header_lines`; the others include the length."""
CLOSE: Final = (b"connection", b"close")
SCOPE_SEND_WHOLE: Final = "holdfast.send_whole"
"""Where the scope of a request holds a SendWhole, if the server that runs the application has one."""
SOCKET_PATHS: Final = frozenset((b"/api/realtime/ws",))
_LINES: Final = {
    400: b"HTTP/1.1 400 Bad Request\r\n",
    414: b"HTTP/1.1 414 URI Too Long\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
}


class Wire(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_bytes = 0
        self._in_head = True
        self._fresh = True
        self._reason: ApiError | None = None
        self._head_since = self.loop.time()
        self._heard = self._head_since
        self._look: asyncio.TimerHandle | None = None
        self.line: WireLine | None = None
        self.is_stopping = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take a connection, and look after it now and then."""
        super().connection_made(transport)
        self._look = self.loop.call_later(_LOOK_SECONDS, self._look_after)

    @override
    def _should_upgrade_to_ws(self) -> bool:
        return self.url.partition(b"?")[0] in SOCKET_PATHS

    @override
    def handle_websocket_upgrade(self) -> None:
        """Go on as a WebSocket."""
        # Here, since few servers have any: 1.5 MB of every process.
        from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

        if self._look is not None:
            self._look.cancel()
        self.ws_protocol_class = WSProtocol
        super().handle_websocket_upgrade()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._look is not None:
            self._look.cancel()
        if self.line is not None:
            self.line.lost()
        super().connection_lost(exc)

    @override
    def shutdown(self) -> None:
        """The server stops: what runs is let finish, and an answer without an end ends now."""
        super().shutdown()
        self.is_stopping = True
        if self.line is not None:
            self.line.close()

    @override
    def data_received(self, data: bytes) -> None:
        """Read on. What is too long for a head ends the connection before it is gathered."""
        self._heard = self.loop.time()
        if self._in_head:
            if self._head_bytes == 0:
                self._head_since = self._heard
            self._head_bytes += len(data)
            # One read is at most 256 kB, so this counts no body worth mentioning.
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(HeadersTooLarge())
                return
        super().data_received(data)

    @override
    def on_headers_complete(self) -> None:
        """The head is there: a request begins."""
        if len(self.url) > MOST_URI_BYTES:
            self._reason = UriTooLong()
            raise self._reason  # the parser stops, and send_400_response is called
        self._in_head = self._fresh = False
        self._head_bytes = 0
        super().on_headers_complete()
        # The application has not begun: its task is only scheduled.
        self.scope[SCOPE_SEND_WHOLE] = partial(_send_whole, self.cycle)  # type: ignore[literal-required]

    @override
    def on_message_complete(self) -> None:
        """The request is there as a whole: the next thing on this line is a head."""
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    @override
    def on_response_complete(self) -> None:
        """The answer is out: begin with the next request on this line, if it is there already.

        uvicorn sets a timer here for every request and unsets it at the next: `_look_after` does for all of them.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._heard = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, and close: nothing after it can be trusted."""
        self._refuse(self._reason or BadRequest("This is no HTTP request that can be read."))

    def _refuse(self, error: ApiError) -> None:
        answer = refusal(error, "")
        self.transport.write(
            _LINES[error.status]
            + b"content-type: application/json\r\nx-content-type-options: nosniff\r\nconnection: close\r\n"
            + b"content-length: %d\r\n\r\n" % len(answer.body)
            + answer.body
        )
        self.transport.close()

    def _look_after(self) -> None:
        now = self.loop.time()
        if self._is_slow(now):
            self.transport.abort()
            return
        if self._is_idle and now - self._heard > self.timeout_keep_alive:
            self.transport.close()
            return
        self._look = self.loop.call_later(_LOOK_SECONDS, self._look_after)

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is begun between two requests."""
        return self._in_head and not self._fresh and self._head_bytes == 0 and self.cycle.response_complete

    def _is_slow(self, now: float) -> bool:
        if self._in_head:
            return (self._fresh or self._head_bytes > 0) and now - self._head_since > HEAD_SECONDS
        return now - self._heard > SILENT_SECONDS and not self.flow.read_paused


class WireLine(Line):
    """A line that writes to the socket at once: no task and no queue of its own, so it costs little while it is idle.

    Its body has no length and no chunks: it ends with the connection.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        super().__init__()
        self._cycle = cycle
        if cycle.disconnected:
            self.lost()

    @property
    @override
    def waiting(self) -> int:
        return self._cycle.transport.get_write_buffer_size()

    @override
    async def begin(self, status: int, headers: Headers) -> None:
        cycle = self._cycle
        wire = cycle.transport.get_protocol()
        if isinstance(wire, Wire):
            wire.line = self
        if cycle.disconnected:
            return
        cycle.response_started = True
        cycle.keep_alive = False
        lines = header_lines((*cycle.default_headers, *headers, CLOSE))
        cycle.transport.write(STATUS_LINE[status] + lines + b"\r\n")
        if isinstance(wire, Wire) and wire.is_stopping:
            self.close()

    @override
    async def finish(self) -> None:
        self.close()
        cycle = self._cycle
        if not cycle.disconnected:
            await self._last()
        if cycle.disconnected or self.waiting:
            self._abort()
        cycle.response_complete = True
        cycle.transport.close()
        cycle.on_response()

    @override
    def _write(self, data: bytes) -> None:
        self._cycle.transport.write(data)

    @override
    def _abort(self) -> None:
        self._cycle.transport.abort()


def open_line(scope: Any, send: Send, receive: Receive) -> Line:
    """The line of a request: straight to the socket where the server is ours."""
    send_whole = scope.pop(SCOPE_SEND_WHOLE, None)  # it holds the cycle
    return AsgiLine(send, receive) if send_whole is None else WireLine(send_whole.args[0])


async def send_over(cycle: RequestResponseCycle, handle: int, start: int, size: int) -> int | None:
    """Send a part of an open file as the body of an answer whose headers are out; None where that is not possible.

    How many bytes it was; with fewer than `size` the line is broken off. Raises TimeoutError and OSError.
    """
    if not can_send_files(cycle.transport) or cycle.disconnected:
        return None
    sent = await send_file(cycle.transport, handle, start, size, lambda: cycle.disconnected)
    cycle.expected_content_length -= sent
    if sent < size and not cycle.disconnected:
        cycle.transport.abort()
        async with asyncio.timeout(_LOOK_SECONDS):
            while not cycle.disconnected:  # noqa: ASYNC110  (it tells nobody)
                await asyncio.sleep(0)
    return sent


def header_lines(headers: Headers) -> bytes:
    """Headers as they go over the line. For what is the same in every answer."""
    return b"".join([b"%s: %s\r\n" % header for header in headers])


async def _send_whole(cycle: RequestResponseCycle, status: int, lines: bytes, headers: Headers, body: bytes) -> None:
    """Answer a request in one write.

    What uvicorn's own `send` does for a whole answer, but for its two regular expressions for each header: they
    took a sixth of the time of a small read. Names are ours; the values are searched together.
    """
    cycle.scope.pop(SCOPE_SEND_WHOLE, None)  # pyright: ignore  # it holds the cycle: nothing should wait for the collector
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    if cycle.response_started:
        raise RuntimeError("The answer has begun already.")
    if b"".join([value for _, value in headers]).translate(None, _HARMLESS):
        raise RuntimeError("A header holds a control character.")
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    head = [STATUS_LINE[status], header_lines(cycle.default_headers), lines, header_lines(headers)]
    if CLOSE in headers:
        cycle.keep_alive = False
    elif not cycle.keep_alive:
        head.append(b"connection: close\r\n")
    head.append(b"\r\n")
    if len(body) <= _JOINED_BYTES:
        head.append(body)
        cycle.transport.write(b"".join(head))
    else:
        cycle.transport.write(b"".join(head))
        cycle.transport.write(body)
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
