"""How one request is answered: with the headers that every answer has, whole or in pieces, and what is told of it."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from holdfast.http.cors import Cors
from holdfast.http.cycle import SCOPE_CYCLE, Cycle, header_lines
from holdfast.http.poured import send_poured
from holdfast.http.request import Request
from holdfast.http.response import JSON, Poured, Response
from holdfast.http.stream import Streamed
from holdfast.http.wire import open_line
from holdfast.observe import RequestSeen

Send: TypeAlias = Callable[[Any], Awaitable[None]]

API_KEY: Final = b"x-api-key"
CSRF: Final = b"x-csrf-token"  # the console's pages send it, beside their cookie
COOKIE: Final = "holdfast_session"  # that cookie, over TLS with `__Host-` before it
_SESSION: Final = COOKIE.encode() + b"="
FILES: Final = "/api/files/"
STATE: Final = b"x-schema-version"  # a generated client says for which state of the collections it was made
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_LENGTH: Final = frozenset((204, 304))
_NO_STORE: Final = (b"cache-control", b"no-store")


class Common:
    """The headers that every answer has; `lines` is how they and the strictest policy go over the line, `plain` how
    they go without it, `json` how all that JSON has goes."""

    __slots__ = ("headers", "json", "lines", "plain")

    def __init__(self, more: tuple[tuple[bytes, bytes], ...]) -> None:
        self.headers = headers = (*_SECURITY, *more)
        self.plain = header_lines(headers)
        self.lines = header_lines((*headers, _POLICY))
        self.json = self.lines + header_lines(((b"content-type", JSON),))


class Exchange:
    """The answering half of one request; as `send` for Litestar it adds what every answer has."""

    state = b""
    _status = 0
    _bytes = 0

    def __init__(self, request: Request, send: Send, common: Common, cors: Cors, started: float) -> None:
        self._request = request
        self._send = send
        self._common = common
        self._cors = cors
        self._started = started
        self._head = request.method == "HEAD"
        if self._head:
            request.method = "GET"

    @property
    def has_begun(self) -> bool:
        """Whether a part of the answer has been sent."""
        return self._status != 0

    async def answer(self, response: Response) -> None:
        """Send a whole answer."""
        request, status, body = self._request, response.status, response.body
        self._status = status
        self._bytes = len(body)
        headers = [*self._more_headers(), *response.headers]
        sent = b"" if self._head else body
        cycle: Cycle | None = request.scope.get(SCOPE_CYCLE)
        if cycle is None:
            await self._answer_in_parts(response, headers, sent)
            return
        if body and response.content_type is JSON:
            lines = self._common.json
        else:
            lines = self._common.lines
            if body:
                headers.append((b"content-type", response.content_type))
        if status < 200 or status in _NO_LENGTH:
            lines = b"%bx-request-id: %b\r\n" % (lines, request.id.encode())
        else:
            lines = b"%bx-request-id: %b\r\ncontent-length: %d\r\n" % (lines, request.id.encode(), len(body))
        if cycle.flow.write_paused:
            await cycle.ready()
        cycle.answer(status, lines, headers, sent)

    async def _answer_in_parts(self, response: Response, more: list[tuple[bytes, bytes]], sent: bytes) -> None:
        """The same as ASGI has it, for a server that is not ours."""
        headers = [*self._common.headers, _POLICY, self._id_header(), *more]
        if response.body:
            headers.append((b"content-type", response.content_type))
        if response.status >= 200 and response.status not in _NO_LENGTH:
            headers.append((b"content-length", b"%d" % len(response.body)))
        await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": sent})

    async def stream(self, response: Streamed) -> None:
        """Send an answer for as long as it lasts."""
        headers = [*self._common.headers, _POLICY, *self._own_headers(), (b"content-type", response.content_type)]
        headers.extend(header for header in response.headers if header not in headers)
        self._status = response.status
        if self._head:
            await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
            await self._send({"type": "http.response.body", "body": b""})
            return
        line = open_line(self._request.scope, self._send, self._request.receive)
        try:
            await line.begin(response.status, headers)
            await response.run(line)
        finally:
            await line.finish()
            self._bytes = line.sent_bytes

    async def pour(self, response: Poured) -> None:
        """Send an answer in pieces. The line stays open for the next request."""
        request = self._request
        headers = [*self._own_headers(), (b"content-type", response.content_type), *response.headers]
        if response.size is not None:
            headers.append((b"content-length", b"%d" % response.size))
        self._status = response.status
        self._bytes = await send_poured(
            request, self._send, (self._common.headers, self._common.plain), headers, response
        )

    async def __call__(self, message: Any) -> None:
        """Pass on a message of Litestar."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            own = list(message["headers"])
            headers = [*self._common.headers, *self._own_headers()]
            if not any(name == b"content-security-policy" for name, _ in own):
                headers.append(_POLICY)
            message = {**message, "headers": [*headers, *own]}
        elif message["type"] == "http.response.body":
            self._bytes += len(message.get("body", b""))
            if self._head:
                message = {**message, "body": b""}
        await self._send(message)

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        return [self._id_header(), *self._more_headers()]

    def _id_header(self) -> tuple[bytes, bytes]:
        return b"x-request-id", self._request.id.encode()

    def _more_headers(self) -> list[tuple[bytes, bytes]]:
        """What only some answers have."""
        request = self._request
        asked = request.headers
        headers: list[tuple[bytes, bytes]] = []
        if b"origin" in asked:
            headers.extend(self._cors.headers(asked[b"origin"]))
        if self.state:
            headers.append((STATE, self.state))
        if b"authorization" in asked or API_KEY in asked or CSRF in asked:
            headers.append(_NO_STORE)
            if request.principal.is_superuser:
                headers.append((b"server-timing", self._timing()))
        return headers

    def _timing(self) -> bytes:
        database = self._request.database_seconds * 1000
        whole = (time.perf_counter() - self._started) * 1000
        return b"db;dur=%.2f, app;dur=%.2f" % (database, max(whole - database, 0.0))

    def seen(self) -> RequestSeen:
        """What is told of this request."""
        request = self._request
        elapsed = time.perf_counter() - self._started
        return RequestSeen(
            time.time() - elapsed,
            elapsed * 1000,
            request.id,
            "HEAD" if self._head else request.method,
            request.route,
            request.path,
            self._status,
            request.principal.key,
            request.collection,
            self._bytes,
            request.database_seconds * 1000,
            request.client,
            request.headers.get(b"user-agent", b""),
            CSRF in request.headers or (b"cookie" in request.headers and _is_shown(request)),
        )


def _is_shown(request: Request) -> bool:
    """Whether a page of the console shows a file: a picture in it brings its cookie, and cannot bring a header."""
    return request.path.startswith(FILES) and _SESSION in request.headers[b"cookie"]
