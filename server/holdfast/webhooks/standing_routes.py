"""How webhooks are doing, what they can get, and what is sent to them on request, over HTTP, for superusers."""

from typing import Final

from holdfast.audit.author import Author
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema
from holdfast.webhooks import recovering, replay, standing, trial, trial_records
from holdfast.webhooks.delivery_routes import SHAPE
from holdfast.webhooks.offering import offer
from holdfast.webhooks.routes import MANY, ONE, as_json

_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer"}
_MAYBE: Final[Schema] = {"type": ["integer", "null"]}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_RANGE: Final[Schema] = {
    "type": "object",
    "required": ["from"],
    "properties": {"from": _TEXT, "to": _TEXT, "events": _TEXTS, "dryRun": {"type": "boolean"}},
}
_SINCE: Final[Schema] = {
    "type": "object",
    "required": ["since"],
    "properties": {"since": _TEXT, "dryRun": {"type": "boolean"}},
}
_RECORDS: Final[Schema] = {
    "type": "object",
    "required": ["collection", "ids"],
    "properties": {
        "collection": _TEXT,
        "ids": {**_TEXTS, "minItems": 1, "maxItems": trial_records.MOST_RECORDS},
        "type": {"type": "string", "description": "`posts.updated`; otherwise the first that the webhook gets."},
    },
}
_RECORDS_SENT: Final[Schema] = {
    "type": "object",
    "required": ["type", "items"],
    "properties": {
        "type": _TEXT,
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["record", "reason", "delivery"],
                "properties": {
                    "record": _TEXT,
                    "reason": {"type": "string", "description": "Why nothing is sent; empty if it is."},
                    "delivery": {"anyOf": [SHAPE, {"type": "null"}]},
                },
            },
        },
    },
}
_QUEUED: Final[Schema] = {"type": "object", "required": ["queued"], "properties": {"queued": _WHOLE}}
_DAY: Final[Schema] = {
    "type": "object",
    "required": ["attempts", "succeeded", "p50", "p95", "problem"],
    "properties": {
        "attempts": _WHOLE,
        "succeeded": _WHOLE,
        "p50": _MAYBE,
        "p95": _MAYBE,
        "problem": {"type": "string", "description": "Why attempts failed most often; empty if none did."},
    },
}
_STATS: Final[Schema] = {
    "type": "object",
    "required": ["circuit", "disabled", "error", "waiting", "delivered", "dead", "oldestSeconds", "day"],
    "properties": {
        "circuit": {"enum": ["closed", "open"]},
        "disabled": _TEXT,
        "error": _TEXT,
        "waiting": _WHOLE,
        "delivered": _WHOLE,
        "dead": _WHOLE,
        "oldestSeconds": {"type": "number"},
        "day": _DAY,
    },
}
_OF_ONE: Final[Schema] = {
    "type": "object",
    "required": ["id", "waiting", "attempts", "succeeded", "p95", "last"],
    "properties": {
        "id": _TEXT,
        "waiting": _WHOLE,
        "attempts": _WHOLE,
        "succeeded": _WHOLE,
        "p95": _MAYBE,
        "last": {"type": ["string", "null"]},
    },
}
_GROUP: Final[Schema] = {
    "type": "object",
    "required": ["about", "kind", "types"],
    "properties": {"about": _TEXT, "kind": {"enum": ["collection", "server", "plugin"]}, "types": _TEXTS},
}
_OFFER: Final[Schema] = {
    "type": "object",
    "required": ["groups", "waits", "spread"],
    "properties": {
        "groups": {"type": "array", "items": _GROUP},
        "waits": {"type": "array", "items": {"type": "number"}, "description": "Seconds before each try."},
        "spread": {"type": "number", "description": "By what part of itself a wait is shorter or longer."},
    },
}


async def send_again(engine: Engine, request: Request) -> Response:
    """Send the events of a time again."""
    return as_json(await replay.replay(engine, Author.of(request), request.params["id"], await request.object()))


async def recover(engine: Engine, request: Request) -> Response:
    """Send again what was given up."""
    return as_json(await recovering.recover(engine, Author.of(request), request.params["id"], await request.object()))


async def send_test(engine: Engine, request: Request) -> Response:
    """Send a test event."""
    return as_json(await trial.send_test(engine, request.params["id"], await request.object()))


async def send_records(engine: Engine, request: Request) -> Response:
    """Send tests with records."""
    return as_json(await trial_records.send_records(engine, request.params["id"], await request.object()))


async def stats(engine: Engine, request: Request) -> Response:
    """How a webhook is doing."""
    return as_json(await standing.stats(engine, request.params["id"]))


async def all_stats(engine: Engine, request: Request) -> Response:
    """How all webhooks are doing."""
    return as_json({"items": await standing.all_stats(engine)})


async def list_events(engine: Engine, request: Request) -> Response:
    """What webhooks can ask for."""
    return as_json(offer(engine))


STANDING_ROUTES: Final = (
    Route(
        method="GET",
        path=MANY + "/events",
        handler=list_events,
        summary="List the types of events, and when a delivery is tried",
        tag="webhooks",
        answer=_OFFER,
    ),
    Route(
        method="GET",
        path=MANY + "/stats",
        handler=all_stats,
        summary="How all webhooks are doing",
        description=f"By the newest attempts of the last day, at most {standing.LOOKED_AT:,} of each.",
        tag="webhooks",
        answer={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": _OF_ONE}}},
    ),
    Route(
        method="GET",
        path=ONE + "/stats",
        handler=stats,
        summary="Count the deliveries of a webhook",
        tag="webhooks",
        answer=_STATS,
    ),
    Route(
        method="POST",
        path=ONE + "/replay",
        handler=send_again,
        summary="Send the events of a time again",
        description="Those that the webhook gets, as far as they are in the log; each keeps its webhook-id.",
        tag="webhooks",
        body=_RANGE,
        answer=_QUEUED,
    ),
    Route(
        method="POST",
        path=ONE + "/recover",
        handler=recover,
        summary="Send again what was given up since a time",
        description="Each with all its tries before it.",
        tag="webhooks",
        body=_SINCE,
        answer=_QUEUED,
    ),
    Route(
        method="POST",
        path=ONE + "/test",
        handler=send_test,
        summary="Send a test event",
        description="A plain one; with `type`, one with the record of the newest event of that type.",
        tag="webhooks",
        body={"type": "object", "properties": {"type": _TEXT}},
        body_required=False,
        answer=SHAPE,
    ),
    Route(
        method="POST",
        path=ONE + "/test/records",
        handler=send_records,
        summary="Send tests with records",
        description=f"What the webhook would get if they changed now; at most {trial_records.MOST_RECORDS} at once.",
        tag="webhooks",
        body=_RECORDS,
        answer=_RECORDS_SENT,
    ),
)
