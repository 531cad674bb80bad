"""The line itself: uvicorn's HTTP protocol, with limits on what comes before there is a request.

uvicorn gathers headers of any size, waits for them for ever, and answers what it cannot read with plain text.
"""

import asyncio
import urllib.parse
from typing import Any, Final

import httptools
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from holdfast.errors import ApiError, BadRequest, HeadersTooLarge, UriTooLong
from holdfast.http.cycle import CLOSE, SCOPE_CYCLE, SCOPE_HEAD_BYTES, Cycle, Headers, header_lines
from holdfast.http.refusal import refusal
from holdfast.http.sendfile import can_send_files, send_file
from holdfast.http.stream import AsgiLine, Line, Receive, Send

MOST_HEAD_BYTES: Final = 2 * 1024 * 1024  # of request line and headers: above what any setting allows
MOST_URI_BYTES: Final = 65_000  # httptools cannot take one of 65,536 apart
HEAD_SECONDS: Final = 20.0  # for request line and headers, from the first byte or from the connection on
SILENT_SECONDS: Final = 60.0  # without a byte of a body that is not complete
_LOOK_SECONDS: Final = 10.0
SOCKET_PATHS: Final = frozenset((b"/api/realtime/ws",))
_BODILESS: Final = frozenset(("GET", "HEAD", "OPTIONS"))  # nobody waits before the body of these
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
_LINES: Final = {
    400: b"HTTP/1.1 400 Bad Request\r\n",
    414: b"HTTP/1.1 414 URI Too Long\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
}


class Wire(HttpToolsProtocol):
    """One connection."""

    app: Any
    cycle: Cycle  # pyright: ignore[reportIncompatibleVariableOverride]  None before the first request
    parser: Any

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
        self._chunk = 0
        self._before = 0
        self._beside_body = 0  # since the last piece of a body: the lengths of chunks, and what follows the last
        self._running: Cycle | None = None
        self._default_headers: Headers = ()
        self._default_lines = b""

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
        self._forget_waiting()
        running = self._running  # the newest one is not the one that runs, where several came at once
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.wake()
        super().connection_lost(exc)

    def _forget_waiting(self) -> None:
        """Drop the requests that came behind the one that runs."""
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
            del cycle.scope[SCOPE_CYCLE]  # type: ignore[typeddict-item]  each holds the other
        self.pipeline.clear()

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
        self._chunk = len(data)
        if self._in_head:
            if self._head_bytes == 0:
                self._head_since = self._heard
            self._head_bytes += self._chunk
            # One read is at most 256 kB, so this counts no body worth mentioning.
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(HeadersTooLarge())
                return
        else:
            self._beside_body += self._chunk
            if self._beside_body > MOST_HEAD_BYTES:
                self._refuse(HeadersTooLarge())
                return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("")
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()

    def default_lines(self) -> bytes:
        """The headers that uvicorn adds to every answer, as they go over the line: they are new once a second."""
        headers = self.server_state.default_headers
        if headers is not self._default_headers:
            self._default_headers = headers
            self._default_lines = header_lines(headers)
        return self._default_lines

    @override
    def on_message_begin(self) -> None:
        """A request begins: what comes of it is gathered until its head is there."""
        self.url = b""
        self.headers = []

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is there. Those that follow a body are left out: nobody could tell them from the others."""
        if self._in_head:
            self.headers.append((name.lower(), value))

    @override
    def on_headers_complete(self) -> None:
        """The head is there: the application may begin, or once the answers before this one are out."""
        if len(self.url) > MOST_URI_BYTES:
            self._reason = UriTooLong()
            raise self._reason  # the parser stops, and send_400_response is called
        self._in_head = self._fresh = False
        scope = self._scope()
        self._head_bytes = self._beside_body = 0
        self.scope = scope
        parser = self.parser
        if parser.should_upgrade() and self._should_upgrade():
            return
        before = self.cycle
        keep_alive = scope["http_version"] != "1.0" and parser.should_keep_alive()
        cycle = scope[SCOPE_CYCLE] = Cycle(self, scope, keep_alive=keep_alive)
        self.cycle = cycle  # pyright: ignore[reportIncompatibleVariableOverride]
        if scope["method"] not in _BODILESS and _expects(self.headers):
            cycle.waiting_for_100_continue = True
        if before is None or before.response_complete:  # pyright: ignore[reportUnnecessaryComparison]
            self._begin(cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _scope(self) -> Any:
        """What ASGI calls the scope, without `state`: few applications ask for it."""
        url = self.url
        if url.startswith(b"/") and b"#" not in url:
            raw_path, _, query = url.partition(b"?")
        else:  # a whole address, `*`, or nothing that is any
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path, parsed.query or b""
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": self.parser.get_http_version(),
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "method": self.parser.get_method().decode("ascii"),
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            SCOPE_HEAD_BYTES: self._head_bytes + self._before,
        }

    def _begin(self, cycle: Cycle) -> None:
        tasks = self.tasks
        self._running = cycle
        tasks.add(self.loop.create_task(cycle.run(self.app, tasks)))

    @override
    def on_body(self, body: bytes) -> None:
        """A piece of the body is there."""
        cycle = self.cycle
        self._beside_body = 0
        if cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade()):
            return
        if cycle.body:
            cycle.body += body
        else:
            cycle.body = bytearray(body)
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.wake()

    @override
    def on_message_complete(self) -> None:
        """The request is there as a whole: the next thing on this line is a head."""
        self._in_head = True
        self._before = self._chunk  # a head that begins in what was just read is no longer than that and what follows
        if self.parser.should_upgrade() and self._should_upgrade():
            return
        cycle = self.cycle
        cycle.more_body = False
        cycle.wake()

    @override
    def on_response_complete(self) -> None:
        """The answer is out: begin with the next request on this line, if it is there already.

        uvicorn sets a timer here for every request and unsets it at the next: `_look_after` does for all of them.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._heard = self.loop.time()
        if self.pipeline:
            self._begin(self.pipeline.pop()[0])  # pyright: ignore[reportArgumentType]  ours
        # While others wait nothing more is read: one read may hold fourteen thousand small ones.
        if self.flow.read_paused and not self.pipeline:
            self.flow.resume_reading()

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, and close: nothing after it can be trusted."""
        self._refuse(self._reason or BadRequest("This is no HTTP request that can be read."))

    def _refuse(self, error: ApiError) -> None:
        running = self._running
        if running is not None and not running.response_complete:
            # What is said now would be taken for its answer, or be in the midst of it.
            self._forget_waiting()
            running.keep_alive = False
            if running.more_body:
                self.transport.abort()
            return
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


def _expects(headers: Headers) -> bool:
    """Whether the client waits for a word before it sends the body."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


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
    cycle: Cycle | None = scope.get(SCOPE_CYCLE)
    return AsgiLine(send, receive) if cycle is None else WireLine(cycle)


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
                await asyncio.sleep(0.001)
    return sent
