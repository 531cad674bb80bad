"""Endpoints over HTTP, for superusers."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.engine import Engine
from holdfast.http.preconditions import read_if_match
from holdfast.http.request import Request
from holdfast.http.request_limit import MAX_SECONDS
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Parameter, Route, Schema
from holdfast.webhooks import service
from holdfast.webhooks.endpoint_reading import (
    MAX_DESCRIPTION_CHARS,
    MAX_FILTER_CHARS,
    MAX_REQUESTS,
    SET_BY_SERVER,
    TIMEOUT,
)

MANY: Final = "/api/webhooks"
ONE: Final = MANY + "/{id}"
_TEXTS: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_CHANGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "description": {"type": "string", "maxLength": MAX_DESCRIPTION_CHARS},
        "events": {**_TEXTS, "minItems": 1},
        "filter": {"type": "string", "maxLength": MAX_FILTER_CHARS},
        "fields": _TEXTS,
        "role": {"type": "string"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "active": {"type": "boolean"},
        "ordered": {"type": "boolean"},
        "timeout": {"type": "integer", "minimum": TIMEOUT[0], "maximum": TIMEOUT[1]},
        "rateLimit": {
            "type": ["object", "null"],
            "required": ["maxRequests", "duration"],
            "properties": {
                "maxRequests": {"type": "integer", "minimum": 1, "maximum": MAX_REQUESTS},
                "duration": {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS},
            },
        },
    },
}
_SECRET: Final[Schema] = {"type": "string", "description": "whsec_ and base64. It is shown in this answer only."}
_NEW: Final[Schema] = {
    "type": "object",
    "required": ["url", "events"],
    "properties": {**_CHANGE["properties"], "secret": {"type": "string"}},
}
_ENDPOINT: Final[Schema] = {
    "type": "object",
    "required": sorted({*_CHANGE["properties"], *SET_BY_SERVER}),
    "properties": {**_CHANGE["properties"], **{stamp: {"type": "string"} for stamp in SET_BY_SERVER}},
}
_WITH_SECRET: Final[Schema] = {
    "type": "object",
    "required": [*_ENDPOINT["required"], "secret"],
    "properties": {**_ENDPOINT["properties"], "secret": _SECRET},
}
_ROTATE: Final[Schema] = {
    "type": "object",
    "properties": {
        "overlapHours": {"type": "integer", "minimum": 0, "maximum": service.LONGEST_OVERLAP_HOURS},
        "secret": {"type": "string"},
    },
}


async def list_endpoints(engine: Engine, request: Request) -> Response:
    """All webhooks."""
    return as_json({"items": await service.list_endpoints(engine)})


async def view_endpoint(engine: Engine, request: Request) -> Response:
    """One webhook."""
    return _tagged(await service.view_endpoint(engine, request.params["id"]))


async def create_endpoint(engine: Engine, request: Request) -> Response:
    """Make a webhook."""
    return _tagged(await service.create_endpoint(engine, Author.of(request), await request.object()))


async def update_endpoint(engine: Engine, request: Request) -> Response:
    """Change a webhook."""
    author, versions = Author.of(request), read_if_match(request.header(b"if-match"))
    return _tagged(
        await service.update_endpoint(engine, author, request.params["id"], await request.object(), versions)
    )


async def delete_endpoint(engine: Engine, request: Request) -> Response:
    """Delete a webhook."""
    await service.delete_endpoint(engine, Author.of(request), request.params["id"])
    return NO_CONTENT


async def rotate_secret(engine: Engine, request: Request) -> Response:
    """Give a webhook another secret."""
    return _tagged(
        await service.rotate_secret(engine, Author.of(request), request.params["id"], await request.object())
    )


def _tagged(endpoint: Mapping[str, Any]) -> Response:
    """An endpoint, with the tag of its version."""
    tag = f'"{service.version_of(endpoint)}"'.encode()
    return Response(body=msgspec.json.encode(endpoint), headers=((b"etag", tag),))


def as_json(found: Mapping[str, Any]) -> Response:
    """An answer of JSON."""
    return Response(body=msgspec.json.encode(found))


ENDPOINT_ROUTES: Final = (
    Route(
        method="GET",
        path=MANY,
        handler=list_endpoints,
        summary="List the webhooks",
        tag="webhooks",
        answer={"type": "object", "properties": {"items": {"type": "array", "items": _ENDPOINT}}},
    ),
    Route(
        method="POST",
        path=MANY,
        handler=create_endpoint,
        summary="Make a webhook",
        description="The answer has its secret, and no other answer ever will.",
        tag="webhooks",
        body=_NEW,
        answer=_WITH_SECRET,
    ),
    Route(method="GET", path=ONE, handler=view_endpoint, summary="View a webhook", tag="webhooks", answer=_ENDPOINT),
    Route(
        method="PATCH",
        path=ONE,
        handler=update_endpoint,
        summary="Change a webhook",
        description="One that is turned on again, or gets another URL, begins with a closed circuit.",
        tag="webhooks",
        parameters=(Parameter("If-Match", "The `ETag` of the version that is meant.", place="header"),),
        body=_CHANGE,
        answer=_ENDPOINT,
        errors=(412,),
    ),
    Route(
        method="DELETE",
        path=ONE,
        handler=delete_endpoint,
        summary="Delete a webhook",
        description="What it had still to get is gone with it.",
        tag="webhooks",
        status=204,
    ),
    Route(
        method="POST",
        path=ONE + "/rotate-secret",
        handler=rotate_secret,
        recent=True,
        summary="Rotate the secret of a webhook",
        description="Both secrets sign for overlapHours, 24 unless told.",
        tag="webhooks",
        body=_ROTATE,
        body_required=False,
        answer=_WITH_SECRET,
    ),
)
