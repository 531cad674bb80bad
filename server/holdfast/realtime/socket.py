"""Realtime over a WebSocket: the same topics, the same messages, one JSON text each, and questions in the same way."""

import asyncio
from typing import Any, Final, cast

import msgspec

from holdfast.auth.standing import standing_of
from holdfast.engine import Engine
from holdfast.errors import ApiError, BadRequest, Problem, ValidationFailed
from holdfast.http.front import Authenticate, Socket
from holdfast.http.json import read_json
from holdfast.http.refusal import answer_failure, problems_as_data
from holdfast.http.request import Request
from holdfast.http.stream import SocketLine
from holdfast.realtime.asked import check_topics, read_asked
from holdfast.realtime.broker import Broker
from holdfast.realtime.hooked import before_subscribe
from holdfast.realtime.letters import Subscribe
from holdfast.realtime.looking import opening_of
from holdfast.realtime.message import event, frames

PATH: Final = "/api/realtime/ws"
ERROR: Final = "HF_ERROR"
_OWN_KEYS: Final = frozenset(("since", "resume", "token"))


def realtime_sockets(broker: Broker, authenticate: Authenticate) -> dict[str, Socket]:
    """The WebSockets of a process that serves its clients with `broker`."""

    async def serve(engine: Engine, request: Request, line: SocketLine) -> None:
        broker.streams.check()
        await line.begin(101, ())
        client = broker.streams.open(line, opening_of(request, is_socket=True))
        reading = asyncio.create_task(_read(engine, request, line, client.id))
        try:
            await line.closed
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            broker.drop(client)

    async def _read(engine: Engine, request: Request, line: SocketLine, client_id: str) -> None:
        async for text in line.texts():
            try:
                await _do(engine, request, client_id, text)
            except Exception as failure:
                line.put(_refusal(failure, request))

    async def _do(engine: Engine, request: Request, client_id: str, text: str) -> None:
        """One message of the client: what it wants to hear from now on, and as whom."""
        body = _body(text)
        told = {key: body[key] for key in body.keys() - _OWN_KEYS}
        asking = await _asking(engine, request, body)
        asked = read_asked({**told, "clientId": client_id, "since": body.get("since") or body.get("resume")})
        topics = await before_subscribe(engine, asking, asked.topics)
        check_topics(engine, topics, asking.principal)
        standing = await standing_of(engine, asking)
        await broker.subscribe(engine, Subscribe(client_id, topics, standing, asked.since))

    async def _asking(engine: Engine, request: Request, body: dict[str, Any]) -> Request:
        """The message as if it were a request: with its own token, since browsers send none with a WebSocket."""
        scope = {**request.scope, "method": "POST", "path": "/api/realtime"}
        token = body.get("token")
        if isinstance(token, str) and token:
            headers = [pair for pair in scope["headers"] if pair[0] not in (b"authorization", b"x-api-key")]
            scope["headers"] = [*headers, (b"authorization", token.encode("utf-8"))]
        asking = Request(scope, request.receive, id=request.id, max_body_bytes=0)
        asking.trusted = request.trusted
        asking.principal = await authenticate(engine, asking)
        rate_limits = engine.catalog.options.rate_limits
        if rate_limits.enabled:
            await engine.limiter.check(rate_limits, (asking,), engine.catalog.name_of)
        return asking

    return {PATH: Socket(serve, frames)}


def _body(text: str) -> dict[str, Any]:
    given: Any = read_json(text.encode())
    if not isinstance(given, dict):
        raise BadRequest("A message has to be a JSON object.")
    body = cast("dict[str, Any]", given)
    if "subscriptions" not in body:
        raise ValidationFailed({"subscriptions": Problem("validation_required", "A value is needed.")})
    return body


def _refusal(failure: Exception, request: Request) -> bytes:
    if isinstance(failure, ApiError) and failure.status < 500:
        body = {"status": failure.status, "code": failure.code, "message": failure.message}
        return event(ERROR, msgspec.json.encode({**body, "data": problems_as_data(failure.data)}))
    return event(ERROR, answer_failure(failure, request).body)
