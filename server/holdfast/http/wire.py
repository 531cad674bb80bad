"""The line itself: uvicorn's HTTP protocol, with limits on what comes before there is a request.

uvicorn gathers headers of any size, waits for them for ever, and answers what it cannot read with plain text.
"""

import asyncio
from typing import Any, Final

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from holdfast.errors import ApiError, BadRequest, HeadersTooLarge, UriTooLong
from holdfast.http.refusal import refusal

MOST_HEAD_BYTES: Final = 2 * 1024 * 1024  # of request line and headers: above what any setting allows
MOST_URI_BYTES: Final = 65_000  # httptools cannot take one of 65,536 apart
HEAD_SECONDS: Final = 20.0  # for request line and headers, from the first byte or from the connection on
SILENT_SECONDS: Final = 60.0  # without a byte of a body that is not complete
_LOOK_SECONDS: Final = 10.0
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

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take a connection, and look after it now and then."""
        super().connection_made(transport)
        self._look = self.loop.call_later(_LOOK_SECONDS, self._look_after)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

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

    @override
    def on_message_complete(self) -> None:
        """The request is there as a whole: the next thing on this line is a head."""
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

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
        self._look = self.loop.call_later(_LOOK_SECONDS, self._look_after)

    def _is_slow(self, now: float) -> bool:
        if self._in_head:
            # Between two requests nothing is begun, and uvicorn's own limit for idle lines counts.
            return (self._fresh or self._head_bytes > 0) and now - self._head_since > HEAD_SECONDS
        return now - self._heard > SILENT_SECONDS and not self.flow.read_paused
