"""`POST /api/collections/breaks`: what a change of the collections would break in programs that use the client."""

from typing import Final

import msgspec

from holdfast.collections.change import outlook
from holdfast.collections.decisions import of_request
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Route, Schema
from holdfast.sdk.schema import client_schema
from holdfast_sdk.breaks import breaks

_BREAK: Final[Schema] = {
    "type": "object",
    "required": ["collection", "field", "what"],
    "properties": {
        "collection": {"type": "string"},
        "field": {"type": "string", "description": "Empty for the collection itself."},
        "what": {"type": "string", "description": "For people."},
    },
}


async def show_breaks(engine: Engine, request: Request) -> Response:
    """Take what a plan takes, and compare what clients see before and after it."""
    after = await outlook(engine, of_request(await request.object()))
    before = client_schema(engine.catalog, "", superuser=True)
    found = breaks(before, client_schema(after, "", superuser=True))
    return Response(body=msgspec.json.encode({"items": found}))


BREAKING_ROUTES: Final = (
    Route(
        method="POST",
        path="/api/collections/breaks",
        handler=show_breaks,
        summary="What a change would break in programs that use the API, without doing it",
        tag="collections",
        body=OBJECT,
        answer={
            "type": "object",
            "required": ["items"],
            "properties": {"items": {"type": "array", "items": _BREAK}},
        },
        errors=(503,),
    ),
)
