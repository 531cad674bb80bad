"""The routes of record actions: which there are for a collection, and one of them done."""

from typing import Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import BadRequest
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema
from holdfast.records.action import actions_of
from holdfast.records.action_run import run_action
from holdfast.records.bulk_job_routes import COUNTS, TOLD
from holdfast.records.bulk_reading import read_selection
from holdfast.records.bulk_route import ASKED, FLAG, TEXT
from holdfast.rules.facts import Facts

ACTIONS: Final = "/api/collections/{collection}/actions"
_TEXTS: Final = ("name", "plugin", "label", "description", "confirm")
_ACTION: Final[Schema] = {
    "type": "object",
    "required": [*_TEXTS, "many"],
    "properties": {**dict.fromkeys(_TEXTS, TEXT), "many": FLAG},
}
_RAN: Final[Schema] = {
    "type": "object",
    "required": ["action", "dryRun", *COUNTS, "told", "message"],
    "properties": {"action": TEXT, "dryRun": FLAG, **COUNTS, "told": {"type": "array", "items": TOLD}, "message": TEXT},
}
_WHICH: Final[Schema] = {
    "type": "object",
    "properties": {key: ASKED["properties"][key] for key in ("ids", "where", "dryRun", "expect")},
}


async def list_actions(engine: Engine, request: Request) -> Response:
    """What plugins offer to do to the records of a collection."""
    collection = engine.catalog.get(request.params["collection"])
    request.collection = collection.name
    items = [
        {
            "name": one.name,
            "plugin": one.plugin,
            "label": one.action.label,
            "description": one.action.description,
            "confirm": one.action.confirm,
            "many": one.action.many,
        }
        for one in actions_of(engine, collection)
    ]
    return Response(body=msgspec.json.encode({"items": items}))


async def post_action(engine: Engine, request: Request) -> Response:
    """Do an action of a plugin to records."""
    body = await request.object()
    collection = engine.catalog.get(request.params["collection"])
    request.collection = collection.name
    if b"idempotency-key" in request.headers:
        # The answer could not be kept with what it tells of: each record has a transaction of its own.
        raise BadRequest("An action takes no Idempotency-Key: start it as a job (POST …/bulks), which takes one.")
    asked = read_selection(body, request.params["action"])
    return Response(body=msgspec.json.encode(await run_action(engine, collection, Facts.of(request), asked)))


ACTION_ROUTES: Final = (
    Route(
        method="GET",
        path=ACTIONS,
        handler=list_actions,
        summary="The actions of plugins for records of a collection",
        tag="records",
        answer={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": _ACTION}}},
    ),
    Route(
        method="POST",
        path=ACTIONS + "/{action}",
        handler=post_action,
        summary="Do an action of a plugin to some records",
        description="Each record by itself: one for which it fails keeps no other from it. A job does any number.",
        tag="records",
        body=_WHICH,
        answer=_RAN,
        errors=(412, 503),
    ),
)
