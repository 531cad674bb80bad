"""Access over HTTP, for superusers."""

from typing import Final

import msgspec

from holdfast.access.question import CONTEXTS, read_question
from holdfast.access.sample import MOST_PICKED, PICKS, read_sample, sample
from holdfast.access.service import explain
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Route, Schema
from holdfast.schema.role import ACTIONS

_TEXTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
QUESTION: Final[Schema] = {
    "type": "object",
    "required": ["action"],
    "properties": {
        "action": {"enum": list(ACTIONS)},
        "as": {
            "type": ["object", "null"],
            "properties": {name: {"type": "string"} for name in ("collection", "id", "key", "role")},
        },
        "recordId": {"type": "string"},
        "body": OBJECT,
        "query": _TEXTS,
        "headers": _TEXTS,
        "method": {"type": "string"},
        "context": {"enum": list(CONTEXTS)},
    },
}
_EXPLANATION: Final[Schema] = {
    "type": "object",
    "required": ["allowed", "status"],
    "properties": {
        "allowed": {"type": "boolean"},
        "status": {"type": "integer"},
        "grantedBy": {"type": "string"},
        "message": {"type": "string"},
        "checks": {"type": "array", "items": OBJECT},
        "seen": {"type": "object", "properties": {"rows": {"type": "integer"}, "of": {"type": "integer"}}},
    },
}


async def explain_access(engine: Engine, request: Request) -> Response:
    """Whether a caller may do something in the collection, and why."""
    collection = engine.catalog.get(request.params["collection"])
    found = await explain(engine, collection, read_question(await request.object()))
    return Response(body=msgspec.json.encode(found))


async def sample_records(engine: Engine, request: Request) -> Response:
    """Records to ask about: some by chance, or some that the caller may not see."""
    collection = engine.catalog.get(request.params["collection"])
    found = await sample(engine, collection, read_sample(await request.object()))
    return Response(body=msgspec.json.encode(found))


_SAMPLE_ASKED: Final[Schema] = {
    "type": "object",
    "required": ["action", "pick"],
    "properties": {
        **{key: shape for key, shape in QUESTION["properties"].items() if key != "recordId"},
        "pick": {"enum": list(PICKS)},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_PICKED, "default": 1},
    },
}
_SAMPLE: Final[Schema] = {
    "type": "object",
    "required": ["ids", "looked"],
    "properties": {
        "ids": {"type": "array", "items": {"type": "string"}},
        "looked": {"type": "integer", "description": "At how many records, at the most."},
        "ended": {"enum": ["rows", "time"], "description": "Why there may be more than were found."},
    },
}
ROUTES: Final = (
    Route(
        method="POST",
        path="/api/collections/{collection}/explain",
        handler=explain_access,
        summary="Why a caller may do something, or may not",
        tag="access",
        body=QUESTION,
        answer=_EXPLANATION,
    ),
    Route(
        method="POST",
        path="/api/collections/{collection}/explain/sample",
        handler=sample_records,
        summary="Records to ask explain about",
        description="Some by chance, or some that the caller may not list or view, out of no more than 10,000.",
        tag="access",
        body=_SAMPLE_ASKED,
        answer=_SAMPLE,
    ),
)
