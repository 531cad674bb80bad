"""API keys over HTTP, for superusers."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.auth import key_service as service
from holdfast.auth.key_reading import MAX_NAME_CHARS, MAX_REQUESTS, SET_BY_SERVER
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.request_limit import MAX_SECONDS
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route, Schema

_MANY: Final = "/api/keys"
_ONE: Final = _MANY + "/{id}"
_TEXTS: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_CHANGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": MAX_NAME_CHARS},
        "roles": _TEXTS,
        "superuser": {"type": "boolean"},
        "expires": {"type": ["string", "null"]},
        "allowedIps": _TEXTS,
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
_NEW: Final[Schema] = {**_CHANGE, "required": ["name"]}
_REQUESTS: Final[Schema] = {"type": "integer", "description": "Of the last 30 days."}
_KEY: Final[Schema] = {
    "type": "object",
    "required": ["id", "name", "prefix"],
    "properties": {
        **_CHANGE["properties"],
        **{stamp: {"type": "string"} for stamp in SET_BY_SERVER},
        "requests": _REQUESTS,
    },
}
_WITH_SECRET: Final[Schema] = {
    "type": "object",
    "required": [*_KEY["required"], "key"],
    "properties": {**_KEY["properties"], "key": {"type": "string", "description": "The secret: shown only now."}},
}
_ROTATE: Final[Schema] = {
    "type": "object",
    "properties": {"overlapSeconds": {"type": "integer", "minimum": 0, "maximum": service.MAX_OVERLAP_SECONDS}},
}


async def list_keys(engine: Engine, request: Request) -> Response:
    """All API keys."""
    return _json({"items": await service.list_keys(engine)})


async def view_key(engine: Engine, request: Request) -> Response:
    """One API key."""
    return _json(await service.view_key(engine, request.params["id"]))


async def create_key(engine: Engine, request: Request) -> Response:
    """Make an API key."""
    return _json(await service.create_key(engine, Author.of(request), await request.object()))


async def update_key(engine: Engine, request: Request) -> Response:
    """Change an API key."""
    return _json(await service.update_key(engine, Author.of(request), request.params["id"], await request.object()))


async def revoke_key(engine: Engine, request: Request) -> Response:
    """End an API key."""
    await service.revoke_key(engine, Author.of(request), request.params["id"])
    return NO_CONTENT


async def rotate_key(engine: Engine, request: Request) -> Response:
    """Give an API key another secret."""
    return _json(await service.rotate_key(engine, Author.of(request), request.params["id"], await request.object()))


def _json(found: Mapping[str, Any]) -> Response:
    return Response(body=msgspec.json.encode(found))


KEY_ROUTES: Final = (
    Route(
        method="GET",
        path=_MANY,
        handler=list_keys,
        summary="List the API keys",
        tag="access",
        answer={"type": "object", "properties": {"items": {"type": "array", "items": _KEY}}},
    ),
    Route(
        method="POST",
        path=_MANY,
        handler=create_key,
        recent=True,
        summary="Make an API key",
        description="The answer has its secret, and no other answer ever will.",
        tag="access",
        body=_NEW,
        answer=_WITH_SECRET,
    ),
    Route(method="GET", path=_ONE, handler=view_key, summary="View an API key", tag="access", answer=_KEY),
    Route(
        method="PATCH",
        path=_ONE,
        handler=update_key,
        summary="Change an API key",
        tag="access",
        body=_CHANGE,
        answer=_KEY,
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=revoke_key,
        summary="Revoke an API key",
        description="It is refused within 2 seconds everywhere, and stays in the list.",
        tag="access",
        status=204,
    ),
    Route(
        method="POST",
        path=_ONE + "/rotate",
        handler=rotate_key,
        recent=True,
        summary="Rotate an API key",
        description="Gives it another secret. The old one is good for overlapSeconds more.",
        tag="access",
        body=_ROTATE,
        body_required=False,
        answer=_WITH_SECRET,
    ),
)
