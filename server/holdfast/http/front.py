"""The ASGI application in front of everything: one path for every request, whatever answers it in the end.

It checks the limits, finds out who is asking, passes the request to the records' dispatcher, to a route of the
table or to Litestar, and sees that every answer has the same headers, every failure the same shape, and
that one line of log is left.
"""

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from holdfast.config import Settings
from holdfast.errors import MethodNotAllowed, NotFound, Restoring, Unavailable
from holdfast.http.cors import Cors
from holdfast.http.cycle import SCOPE_CYCLE, Cycle, header_lines
from holdfast.http.limits import Limits
from holdfast.http.litestar import SCOPE_ENGINE, SCOPE_REQUEST
from holdfast.http.peer import read_networks
from holdfast.http.poured import send_poured
from holdfast.http.recent import changes_superusers, require_recent
from holdfast.http.refusal import answer_failure
from holdfast.http.request import OF_RECORDS, Request
from holdfast.http.response import JSON, Poured, Response
from holdfast.http.routing import Handler, Route, Routes, require_operation, with_options
from holdfast.http.stream import SocketLine, Streamed
from holdfast.http.wire import open_line
from holdfast.identity import Principal
from holdfast.observe import Observer, RequestSeen

if TYPE_CHECKING:  # handlers are given the engine, which lies in a layer above
    from holdfast.engine import Engine

Scope: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Authenticate: TypeAlias = Callable[["Engine", Request], Awaitable[Principal]]

RECORDS: Final = "/api/collections/"
API_KEY: Final = b"x-api-key"
CSRF: Final = b"x-csrf-token"  # the console's pages send it, beside their cookie
STATE: Final = b"x-schema-version"  # a generated client says for which state of the collections it was made
MOST_SHOWN: Final = 200  # characters of a path in a message
# A record may be called so: it can be changed.
_APART: Final[Mapping[str | None, str]] = {"import": "POST", "bulk": "POST", "export": "GET"}
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._~-]{8,128}")
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_LENGTH: Final = frozenset((204, 304))
_NO_STORE: Final = (b"cache-control", b"no-store")


class Socket(msgspec.Struct, frozen=True):
    """What serves the WebSockets of one path, and how messages become frames."""

    serve: Callable[["Engine", Request, SocketLine], Awaitable[None]]
    frames: Callable[[bytes], list[str]]


class Parts:
    """What the front puts together; app.py fills it in.

    `records` answers everything under `/api/collections/{collection}/records`; `control` is Litestar, which also
    gets the lifespan; `sockets` serve WebSockets, by their paths. `state` is that of the collections, for a client
    that says which one it was made for.
    """

    __slots__ = ("authenticate", "control", "observer", "records", "routes", "sockets", "state")

    def __init__(
        self,
        *,
        records: Handler,
        routes: Routes,
        control: Application,
        authenticate: Authenticate,
        observer: Observer,
        sockets: "Mapping[str, Socket] | None" = None,
        state: Callable[["Engine", bytes], bytes] = lambda _, theirs: theirs,
    ) -> None:
        self.records = records
        self.routes = routes
        self.control = control
        self.authenticate = authenticate
        self.observer = observer
        self.sockets = sockets or {}
        self.state = state


class Front:
    """The application that the server runs, put together of `parts`. It answers 503 until `open` and after `drain`."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.parts = parts
        self._limits = Limits(settings)
        self._cors = Cors(settings.cors_origins)
        self._trusted = read_networks(settings.trusted_proxies)
        self._engine: Engine | None = None
        self._paused = False
        self._common = _Common((*_SECURITY, *self._cors.vary))
        # Ids are unique across processes by their first half and within one by the second.
        self._id_prefix = secrets.token_hex(5)
        self._ids = itertools.count(1)

    def open(self, engine: "Engine") -> None:
        """Take requests from now on."""
        self._engine, self._paused = engine, False

    @property
    def engine(self) -> "Engine | None":
        """What it works with, while it takes requests."""
        return self._engine

    def drain(self, *, paused: bool = False) -> None:
        """Refuse new requests with 503; those that run are let finish. `paused`: until another database is there."""
        self._engine, self._paused = None, paused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        started = time.perf_counter()
        request = Request(scope, receive, id="", max_body_bytes=self._limits.body_bytes)
        given = request.headers.get(b"x-request-id")
        request.id = f"{self._id_prefix}{next(self._ids):08x}" if given is None else self._request_id(given)
        if self._trusted:
            request.trusted = self._trusted
        exchange = _Exchange(request, send, self._common, self._cors, started)
        try:
            response = await self._answer(request, exchange)
        except (Exception, asyncio.CancelledError) as failure:
            # Half an answer is out: the server closes the line, so that nobody takes it for a whole one.
            response = None if exchange.has_begun else answer_failure(failure, request)
        if response is not None:
            await exchange.answer(response)
        self.parts.observer.request(exchange.seen())

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The lifespan, or a WebSocket: it is refused by an ordinary answer, or stays open for as long as it lasts."""
        if scope["type"] != "websocket":
            await self.parts.control(scope, receive, send)
            return
        request = Request({**scope, "method": "GET"}, receive, id="", max_body_bytes=self._limits.body_bytes)
        request.id = self._request_id(request.headers.get(b"x-request-id"))
        request.trusted = self._trusted
        request.route = request.path
        await receive()  # that it connects
        line: SocketLine | None = None
        try:
            self._limits.check(request)
            self._cors.check_socket(request)
            handler = self.parts.sockets.get(request.path)
            if handler is None:
                raise NotFound
            engine = await self._admit(request)
            line = SocketLine(send, receive, handler.frames)
            await handler.serve(engine, request, line)
        except Exception as failure:
            refusal = answer_failure(failure, request)
            if line is None:
                head = {"type": "websocket.http.response.start", "status": refusal.status}
                await send({**head, "headers": [(b"content-type", refusal.content_type), *refusal.headers]})
                await send({"type": "websocket.http.response.body", "body": refusal.body})
        finally:
            if line is not None:
                await line.finish()

    def _request_id(self, given: bytes | None) -> str:
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode("ascii")
        return f"{self._id_prefix}{next(self._ids):08x}"

    async def _answer(self, request: Request, exchange: "_Exchange") -> Response | None:
        """The answer, or None when it was sent already."""
        self._limits.check(request)
        if request.method == "OPTIONS":
            preflight = self._cors.preflight(request)
            if preflight is not None:
                return preflight
        headers, engine = request.headers, self._engine
        # Of a guest whom no limit counts nothing is to be found out, and that is most of what is read.
        if (
            engine is None
            or b"authorization" in headers
            or API_KEY in headers
            or CSRF in headers
            or engine.live.now.options.rate_limits.enabled
        ):
            engine = await self._admit(request)
        if STATE in headers:
            exchange.state = self.parts.state(engine, headers[STATE])
        try:
            # What is below a record is in the table, like _APART.
            of_records = OF_RECORDS.fullmatch(request.path)
            if of_records is not None and _APART.get(of_records[2]) != request.method:
                request.of_records = of_records
                return await self.parts.records(engine, request)
            return await self._dispatch(engine, request, exchange)
        except MethodNotAllowed as refused:
            if request.method != "OPTIONS" or "Allow" not in refused.headers:
                raise
            return Response(204, headers=((b"allow", with_options(refused.headers["Allow"])),))

    async def _admit(self, request: Request) -> "Engine":
        """Find out who asks, and count it. Raises Unavailable, Unauthenticated, Forbidden and RateLimited."""
        engine = self._engine
        if engine is None:
            away = Unavailable("The server is starting or stopping: try again in a moment.")
            raise Restoring if self._paused else away
        headers = request.headers
        if b"authorization" in headers or API_KEY in headers or CSRF in headers:
            request.principal = await self.parts.authenticate(engine, request)
        rate_limits = engine.live.now.options.rate_limits
        if rate_limits.enabled:
            await engine.limiter.check(rate_limits, (request,), engine.catalog.name_of)
        if request.principal.session_id and changes_superusers(engine, request.method, request.path):
            await require_recent(engine, request.principal)
        return engine

    async def _dispatch(self, engine: "Engine", request: Request, exchange: "_Exchange") -> Response | None:
        path = request.path
        found = self.parts.routes.find(request.method, path)
        if found is not None:
            answer = await _call(engine, request, *found)
            if isinstance(answer, Streamed):
                await exchange.stream(answer)
                return None
            if isinstance(answer, Poured):
                await exchange.pour(answer)
                return None
            return answer
        if path.startswith("/api/") and path.endswith("/"):
            raise NotFound(f"There is nothing here: paths end without a slash, so this is {_without_slash(path)}.")
        if path.startswith(RECORDS):
            raise NotFound
        # A copy: Litestar writes its own things into the scope.
        own: dict[str, Any] = {"method": request.method, SCOPE_ENGINE: engine, SCOPE_REQUEST: request, "state": {}}
        scope: dict[str, Any] = {**request.scope, **own}
        await self.parts.control(scope, request.receive, exchange)
        request.route = request.route or scope.get("path_template", "")
        return None


async def _call(engine: "Engine", request: Request, route: Route, params: dict[str, str]) -> Response:
    if not engine.live.following:
        await engine.live.check()
    request.route = route.path
    request.params = params
    request.collection = params.get("collection", "")
    if route.access == "superusers":
        require_operation(engine, request.principal, route.operation)
    if route.recent:
        await require_recent(engine, request.principal)
    return await route.handler(engine, request)


def _without_slash(path: str) -> str:
    shown = path.rstrip("/")
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"


class _Common:
    """The headers that every answer has; `lines` is how they and the strictest policy go over the line, `plain` how
    they go without it, `json` how all that JSON has goes."""

    __slots__ = ("headers", "json", "lines", "plain")

    def __init__(self, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self.headers = headers
        self.plain = header_lines(headers)
        self.lines = header_lines((*headers, _POLICY))
        self.json = self.lines + header_lines(((b"content-type", JSON),))


class _Exchange:
    """The answering half of one request; as `send` for Litestar it adds what every answer has."""

    state = b""
    _status = 0
    _bytes = 0

    def __init__(self, request: Request, send: Send, common: "_Common", cors: Cors, started: float) -> None:
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
            CSRF in request.headers,
        )
