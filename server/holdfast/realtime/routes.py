"""Realtime over HTTP: a line that stays open, and what is to come over it."""

from functools import partial
from typing import Final

from holdfast.auth.standing import standing_of
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Parameter, Route
from holdfast.http.stream import Streamed
from holdfast.realtime.asked import MOST_ID_CHARS, MOST_TOPICS, check_topics, read_asked, read_asked_with_line
from holdfast.realtime.broker import Broker
from holdfast.realtime.connection_routes import connection_routes
from holdfast.realtime.hooked import before_subscribe
from holdfast.realtime.letters import Subscribe
from holdfast.realtime.looking import opening_of
from holdfast.realtime.message import EVENT_STREAM
from holdfast.realtime.topic import MOST_CHARS

PATH: Final = "/api/realtime"
# Proxies that gather an answer before they pass it on would hold every message back.
HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"))
SINCE: Final = "The id of the last message: what was missed after it comes first."
ASKED: Final = {
    "type": "object",
    "required": ["clientId"],
    "properties": {
        "clientId": {"type": "string", "maxLength": MOST_ID_CHARS, "description": "The id of PB_CONNECT."},
        "subscriptions": {
            "type": "array",
            "maxItems": MOST_TOPICS,
            "items": {"type": "string", "maxLength": MOST_CHARS},
            "description": "The topics to hear from now on, in place of all before: posts/*, posts/ID.",
        },
        "since": {"type": "string", "description": SINCE},
    },
}
PARAMETERS: Final = (
    Parameter("topics", "Topics to hear without asking again, with commas between them."),
    Parameter("since", SINCE),
    Parameter("Last-Event-ID", "The same as since, as browsers send it.", place="header"),
)


def realtime_routes(broker: Broker) -> tuple[Route, ...]:
    """The routes of a process that serves its clients with `broker`."""

    async def listen(engine: Engine, request: Request) -> Response:
        broker.streams.check()
        asked, first = read_asked_with_line(request), None
        if asked is not None:
            topics = await before_subscribe(engine, request, asked.topics)
            check_topics(engine, topics, request.principal)
            first = Subscribe("", topics, await standing_of(engine, request), asked.since)
        serve = partial(broker.listen, first=first, opening=opening_of(request))
        return Streamed(headers=HEADERS, content_type=EVENT_STREAM, run=serve)

    async def subscribe(engine: Engine, request: Request) -> Response:
        asked = read_asked(await request.object())
        topics = await before_subscribe(engine, request, asked.topics)
        check_topics(engine, topics, request.principal)
        standing = await standing_of(engine, request)
        await broker.subscribe(engine, Subscribe(asked.client_id, topics, standing, asked.since))
        return NO_CONTENT

    return (
        *connection_routes(broker),
        Route(
            method="GET",
            path=PATH,
            handler=listen,
            access="anyone",
            tag="realtime",
            summary="Open a line for messages",
            description="Server-sent events. The first is PB_CONNECT, with the id of this client.",
            parameters=PARAMETERS,
        ),
        Route(
            method="POST",
            path=PATH,
            handler=subscribe,
            access="anyone",
            tag="realtime",
            summary="Say what is to come over an open line",
            description="Who sends this is who the messages are for: a line belongs to the first who is no guest.",
            body=ASKED,
            status=204,
            errors=(503,),
        ),
    )
