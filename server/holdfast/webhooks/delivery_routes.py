"""Deliveries over HTTP, for superusers."""

from typing import Final

from holdfast.audit.author import Author
from holdfast.engine import Engine
from holdfast.errors import ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Parameter, Route, Schema
from holdfast.webhooks import delivery_service as service
from holdfast.webhooks import replay as replays
from holdfast.webhooks.endpoint_reading import UNKNOWN
from holdfast.webhooks.routes import ONE, as_json

_DELIVERIES: Final = ONE + "/deliveries"
_DELIVERY: Final = _DELIVERIES + "/{delivery}"
_SHAPE: Final[Schema] = {
    "type": "object",
    "required": ["id", "eventId", "type", "state", "attempts"],
    "properties": {
        "id": {"type": "string"},
        "eventId": {"type": "string"},
        "seq": {"type": ["integer", "null"]},
        "type": {"type": "string"},
        "state": {"enum": list(service.STATES)},
        "attempts": {"type": "integer"},
        "replay": {"type": "boolean"},
        "status": {"type": ["integer", "null"]},
        "error": {"type": "string"},
        "nextAt": {"type": ["string", "null"]},
        "created": {"type": "string"},
        "finished": {"type": "string"},
    },
}
_WITH_TRIES: Final[Schema] = {
    "type": "object",
    "properties": {**_SHAPE["properties"], "tries": {"type": "array", "items": OBJECT}},
}
_RANGE: Final[Schema] = {
    "type": "object",
    "required": ["from"],
    "properties": {
        "from": {"type": "string"},
        "to": {"type": "string"},
        "events": {"type": "array", "items": {"type": "string"}},
    },
}


async def list_deliveries(engine: Engine, request: Request) -> Response:
    """The deliveries of a webhook."""
    return as_json(await service.list_deliveries(engine, request.params["id"], request.query))


async def view_delivery(engine: Engine, request: Request) -> Response:
    """One delivery."""
    return as_json(await service.view_delivery(engine, request.params["id"], request.params["delivery"]))


async def retry_delivery(engine: Engine, request: Request) -> Response:
    """Send a delivery again."""
    author, params = Author.of(request), request.params
    await _nothing_said(request)
    return as_json(await service.retry_delivery(engine, author, params["id"], params["delivery"]))


async def replay(engine: Engine, request: Request) -> Response:
    """Send the events of a time again."""
    return as_json(await replays.replay(engine, Author.of(request), request.params["id"], await request.object()))


async def send_test(engine: Engine, request: Request) -> Response:
    """Send a test event."""
    await _nothing_said(request)
    return as_json(await service.send_test(engine, request.params["id"]))


async def stats(engine: Engine, request: Request) -> Response:
    """How a webhook is doing."""
    return as_json(await service.stats(engine, request.params["id"]))


async def _nothing_said(request: Request) -> None:
    """Refuse a body where nothing can be chosen: whoever sends one believes that it counts."""
    body = await request.object()
    if body:
        raise ValidationFailed(dict.fromkeys(body, UNKNOWN))


DELIVERY_ROUTES: Final = (
    Route(
        method="GET",
        path=_DELIVERIES,
        handler=list_deliveries,
        summary="List the deliveries of a webhook",
        description="The newest first; go on with before= and the `next` of the answer.",
        tag="webhooks",
        parameters=(
            Parameter("state", "Only those in this state.", {"enum": list(service.STATES)}),
            Parameter("limit", f"How many, at most {service.MOST_LISTED}.", {"type": "integer"}),
            Parameter("before", "The `next` of another answer."),
        ),
        answer={
            "type": "object",
            "properties": {"items": {"type": "array", "items": _SHAPE}, "next": {"type": ["string", "null"]}},
        },
    ),
    Route(
        method="GET",
        path=_DELIVERY,
        handler=view_delivery,
        summary="View a delivery",
        description="With the request, the answer and the time of each attempt.",
        tag="webhooks",
        answer=_WITH_TRIES,
    ),
    Route(
        method="POST",
        path=_DELIVERY + "/retry",
        handler=retry_delivery,
        summary="Send a delivery again",
        description="At once, and with all its tries before it.",
        tag="webhooks",
        answer=_SHAPE,
    ),
    Route(
        method="POST",
        path=ONE + "/replay",
        handler=replay,
        summary="Send the events of a time again",
        description="Those that the webhook gets, as far as they are in the log; each keeps its webhook-id.",
        tag="webhooks",
        body=_RANGE,
        answer={"type": "object", "properties": {"queued": {"type": "integer"}}},
    ),
    Route(
        method="POST",
        path=ONE + "/test",
        handler=send_test,
        summary="Send a test event",
        tag="webhooks",
        answer=_SHAPE,
    ),
    Route(
        method="GET",
        path=ONE + "/stats",
        handler=stats,
        summary="Count the deliveries of a webhook",
        tag="webhooks",
        answer=OBJECT,
    ),
)
