"""The open lines of all server processes over HTTP, for superusers and roles: who hears what, and the end of a line."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write_after
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, Problems, ValidationFailed
from holdfast.expressions.moment import stamp
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Handler, Route, Schema
from holdfast.realtime.letters import Connection
from holdfast.realtime.topic import MOST_CHARS
from holdfast.schema.role import CLOSE_LINES, VIEW_LINES

if TYPE_CHECKING:
    from holdfast.realtime.broker import Broker

PATH: Final = "/api/realtime/connections"
KIND: Final = "line"
MOST_MESSAGE_BYTES: Final = 64_000  # it may go to another process, in notifications of 7,000 characters
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")
_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer"}
_BOOL: Final[Schema] = {"type": "boolean"}
_SHOWN: Final[Schema] = {
    "type": "object",
    "required": [
        *("id", "auth", "kind", "opened", "topics", "topicCount", "sent", "waiting", "live"),
        *("userIP", "userAgent", "transport"),
    ],
    "properties": {
        "id": _TEXT,
        "auth": {"type": "string", "description": "Collection and id of who listens, key:ID, or guest."},
        "kind": _TEXT,
        "opened": _TEXT,
        "topics": {"type": "array", "items": _TEXT, "description": "The first 20."},
        "topicCount": _WHOLE,
        "sent": {"type": "integer", "description": "Messages."},
        "waiting": {"type": "integer", "description": "Bytes that it has not taken yet."},
        "live": {"type": "boolean", "description": "Whether it hears what comes, and not still what it has missed."},
        "userIP": _TEXT,
        "userAgent": _TEXT,
        "transport": {"enum": ["sse", "websocket"]},
    },
}
_MESSAGE: Final[Schema] = {
    "type": "object",
    "required": ["topic", "data"],
    "properties": {"topic": {"type": "string", "maxLength": MOST_CHARS}, "data": {"description": "Any JSON."}},
}
_LIST: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _SHOWN}},
}


def connection_routes(broker: "Broker") -> tuple[Route, ...]:
    """The routes of a process that serves its clients with `broker`."""

    async def list_connections(engine: Engine, _: Request) -> Response:
        found = [_json(one) for one in await broker.connections(engine)]
        return Response(body=msgspec.json.encode({"items": found}), headers=((b"cache-control", b"no-store"),))

    async def close_connection(engine: Engine, request: Request) -> Response:
        id = request.params["id"]
        if not await broker.hang_up(engine, id):
            raise NotFound("There is no open line of this id.")
        await _note(engine, request, Entry(action="realtime.line_closed", target=Target(KIND, id)))
        return NO_CONTENT

    async def send_message(engine: Engine, request: Request) -> Response:
        id, message = request.params["id"], _read_message(await request.object())
        data = msgspec.json.encode(message.data)
        if not await broker.send_to(engine, id, message.topic, data):
            raise NotFound("There is no open line of this id that listens to this topic.")
        # Not the data: it is made up to try a client, and can be large.
        told = {"topic": message.topic, "bytes": len(data)}
        await _note(engine, request, Entry(action="realtime.message_sent", target=Target(KIND, id), details=told))
        return NO_CONTENT

    return (
        Route(
            method="GET",
            path=PATH,
            operation=VIEW_LINES,
            handler=list_connections,
            summary="Who listens, and to what",
            description="The newest 500 lines of each server process, the newest first.",
            tag="realtime",
            answer=_LIST,
        ),
        Route(
            method="DELETE",
            path=PATH + "/{id}",
            operation=CLOSE_LINES,
            handler=close_connection,
            summary="Close a line",
            description="Its client may open another one.",
            tag="realtime",
            status=204,
            errors=(503,),
        ),
        _message_route(send_message),
    )


async def _note(engine: Engine, request: Request, entry: Entry) -> None:
    """Write down what was done."""
    await write_after(engine.pool, Author.of(request), entry)


def _message_route(handler: Handler) -> Route:
    return Route(
        method="POST",
        path=PATH + "/{id}/messages",
        handler=handler,
        summary="Send a message over a line",
        description="To try a client: it gets the data under the topic, as if the server had something to tell.",
        tag="realtime",
        body=_MESSAGE,
        status=204,
        errors=(503,),
    )


class Message(msgspec.Struct, frozen=True):
    """What a client is to be told, and as which of the topics that it listens to."""

    topic: str
    data: Any


def _read_message(body: dict[str, Any]) -> Message:
    problems: dict[str, Problem | Problems] = {key: _UNKNOWN for key in body.keys() - {"topic", "data"}}
    topic = body.get("topic")
    if not isinstance(topic, str) or not topic or len(topic) > MOST_CHARS:
        problems["topic"] = Problem("validation_invalid_value", "Must be a topic that the line listens to.")
    if "data" not in body:
        problems["data"] = Problem("validation_required", "Must be what the client is told, as JSON.")
    elif len(msgspec.json.encode(body["data"])) > MOST_MESSAGE_BYTES:
        problems["data"] = Problem("validation_invalid_value", f"Must be at most {MOST_MESSAGE_BYTES} bytes of JSON.")
    if problems:
        raise ValidationFailed(problems)
    return Message(str(topic), body["data"])


def _json(one: Connection) -> dict[str, Any]:
    return {
        "id": one.id,
        "auth": one.who,
        "kind": one.kind,
        "opened": stamp(datetime.fromtimestamp(one.opened, UTC)),
        "topics": one.topics,
        "topicCount": one.count,
        "sent": one.sent,
        "waiting": one.waiting,
        "live": one.live,
        "userIP": one.address,
        "userAgent": one.agent,
        "transport": "websocket" if one.socket else "sse",
    }
