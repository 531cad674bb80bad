"""Deliveries over HTTP, for superusers."""

from typing import Final

from holdfast.audit.author import Author
from holdfast.engine import Engine
from holdfast.errors import ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route, Schema
from holdfast.webhooks import delivery_service as service
from holdfast.webhooks.delivery_query import LISTED, MOST_LISTED, STATES, STATUSES, read_delivery_query
from holdfast.webhooks.endpoint_reading import UNKNOWN
from holdfast.webhooks.routes import MANY, ONE, as_json

_DELIVERIES: Final = ONE + "/deliveries"
_DELIVERY: Final = _DELIVERIES + "/{delivery}"
_TEXT: Final[Schema] = {"type": "string"}
_HEADERS: Final[Schema] = {"type": "object", "additionalProperties": _TEXT}
SHAPE: Final[Schema] = {
    "type": "object",
    "required": ["id", "webhookId", "eventId", "type", "recordId", "state", "attempts", "replay", "error", "created"],
    "properties": {
        "id": _TEXT,
        "webhookId": _TEXT,
        "eventId": _TEXT,
        "seq": {"type": ["integer", "null"]},
        "type": _TEXT,
        "recordId": {"type": "string", "description": "Empty for an event that is about no record."},
        "state": {"enum": list(STATES)},
        "attempts": {"type": "integer"},
        "replay": {"type": "boolean"},
        "status": {"type": ["integer", "null"]},
        "error": _TEXT,
        "nextAt": {"type": ["string", "null"]},
        "created": _TEXT,
        "finished": {"type": ["string", "null"]},
    },
}
_TRY: Final[Schema] = {
    "type": "object",
    "required": ["at", "ms", "error", "request", "response"],
    "properties": {
        "at": _TEXT,
        "ms": {"type": "integer"},
        "error": _TEXT,
        "request": {"type": "object", "properties": {"url": _TEXT, "headers": _HEADERS}},
        "response": {
            "type": ["object", "null"],
            "properties": {"status": {"type": "integer"}, "headers": _HEADERS, "body": _TEXT},
        },
    },
}
_WITH_TRIES: Final[Schema] = {
    "type": "object",
    "required": [*SHAPE["required"], "body", "tries"],
    "properties": {
        **SHAPE["properties"],
        "body": {
            "type": ["string", "null"],
            "description": "What a try sends now; null if the log does not have the event any more.",
        },
        "tries": {"type": "array", "items": _TRY},
    },
}
_PAGE: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": SHAPE}, "next": {"type": ["string", "null"]}},
}
_WHICH: Final = (
    Parameter("state", "Only those in this state.", {"enum": list(STATES)}),
    Parameter("type", "Only events of this type; `posts.*` for all that begin so."),
    Parameter(
        "status",
        "Only those that were answered so the last time.",
        {"type": "integer", "minimum": STATUSES[0], "maximum": STATUSES[1]},
    ),
    Parameter("record", "Only events about the record of this id."),
    Parameter("event", "Only the event of this id."),
    Parameter("from", "Only what was queued then or later."),
    Parameter("to", "Only what was queued before."),
    Parameter("limit", f"How many: {LISTED}, at most {MOST_LISTED}.", {"type": "integer"}),
    Parameter("before", "The `next` of another answer."),
)


async def list_all_deliveries(engine: Engine, request: Request) -> Response:
    """The deliveries of all webhooks."""
    return as_json(await service.list_all_deliveries(engine, read_delivery_query(request.query)))


async def list_deliveries(engine: Engine, request: Request) -> Response:
    """The deliveries of a webhook."""
    return as_json(await service.list_deliveries(engine, request.params["id"], read_delivery_query(request.query)))


async def view_delivery(engine: Engine, request: Request) -> Response:
    """One delivery."""
    return as_json(await service.view_delivery(engine, request.params["id"], request.params["delivery"]))


async def retry_delivery(engine: Engine, request: Request) -> Response:
    """Send a delivery again."""
    author, params = Author.of(request), request.params
    await _nothing_said(request)
    return as_json(await service.retry_delivery(engine, author, params["id"], params["delivery"]))


async def cancel_delivery(engine: Engine, request: Request) -> Response:
    """Send a delivery no more."""
    author, params = Author.of(request), request.params
    await _nothing_said(request)
    return as_json(await service.cancel_delivery(engine, author, params["id"], params["delivery"]))


async def _nothing_said(request: Request) -> None:
    """Refuse a body where nothing can be chosen: whoever sends one believes that it counts."""
    body = await request.object()
    if body:
        raise ValidationFailed(dict.fromkeys(body, UNKNOWN))


DELIVERY_ROUTES: Final = (
    Route(
        method="GET",
        path=MANY + "/deliveries",
        handler=list_all_deliveries,
        summary="List the deliveries of all webhooks",
        description="The newest first; go on with before= and the `next` of the answer.",
        tag="webhooks",
        parameters=_WHICH,
        answer=_PAGE,
    ),
    Route(
        method="GET",
        path=_DELIVERIES,
        handler=list_deliveries,
        summary="List the deliveries of a webhook",
        description="The newest first; go on with before= and the `next` of the answer.",
        tag="webhooks",
        parameters=_WHICH,
        answer=_PAGE,
    ),
    Route(
        method="GET",
        path=_DELIVERY,
        handler=view_delivery,
        summary="View a delivery",
        description="With the body that is sent, and the request, the answer and the time of each attempt.",
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
        answer=SHAPE,
    ),
    Route(
        method="POST",
        path=_DELIVERY + "/cancel",
        handler=cancel_delivery,
        summary="Cancel a delivery that waits",
        description="It is dead then, and can be retried.",
        tag="webhooks",
        answer=SHAPE,
    ),
)
