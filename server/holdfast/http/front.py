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
from holdfast.http.exchange import API_KEY, CSRF, STATE, Common, Exchange, Send
from holdfast.http.limits import Limits
from holdfast.http.litestar import SCOPE_ENGINE, SCOPE_REQUEST
from holdfast.http.peer import read_networks
from holdfast.http.recent import changes_superusers, require_recent
from holdfast.http.refusal import answer_failure
from holdfast.http.request import OF_RECORDS, Request
from holdfast.http.response import Poured, Response
from holdfast.http.routing import Handler, Route, Routes, require_operation, with_options
from holdfast.http.stream import SocketLine, Streamed
from holdfast.identity import Principal
from holdfast.observe import Observer

if TYPE_CHECKING:  # handlers are given the engine, which lies in a layer above
    from holdfast.engine import Engine

Scope: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Authenticate: TypeAlias = Callable[["Engine", Request], Awaitable[Principal]]

RECORDS: Final = "/api/collections/"
MOST_SHOWN: Final = 200  # characters of a path in a message
# A record may be called so: it can be changed.
_APART: Final[Mapping[str | None, str]] = {"import": "POST", "bulk": "POST", "export": "GET"}
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._~-]{8,128}")


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
        self._common = Common(self._cors.vary)
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
        exchange = Exchange(request, send, self._common, self._cors, started)
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

    async def _answer(self, request: Request, exchange: Exchange) -> Response | None:
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

    async def _dispatch(self, engine: "Engine", request: Request, exchange: Exchange) -> Response | None:
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
