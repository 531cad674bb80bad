"""What may I do? For anybody who asks about themselves."""

from typing import Any, Final

import msgspec

from holdfast.access.permissions import all_permissions, permissions, record_permissions
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema
from holdfast.rules.access import audience
from holdfast.rules.facts import Facts
from holdfast.schema.role import ACTIONS

_MINE: Final = "/api/me/permissions"
_MAY: Final[Schema] = {
    "type": "object",
    "required": ["records"],
    "properties": {
        "records": {"enum": ["none", "some", "all"]},
        "fields": {"type": "array", "items": {"type": "string"}},
    },
}
_OF_COLLECTION: Final[Schema] = {"type": "object", "properties": {action: _MAY for action in ACTIONS}}
_OF_RECORD: Final[Schema] = {
    "type": "object",
    "properties": {action: {"type": "boolean"} for action in ("view", "update", "delete")},
}


async def my_permissions(engine: Engine, request: Request) -> Response:
    """What the caller may do, by collection."""
    return _json(all_permissions(engine.catalog, audience(request.principal)))


async def my_permissions_in(engine: Engine, request: Request) -> Response:
    """What the caller may do in one collection."""
    catalog, who = engine.catalog, audience(request.principal)
    collection = catalog.get(request.params["collection"])
    found = permissions(catalog, collection, who)
    if all(may.records == "none" for may in found.values()):
        raise NotFound("There is no collection of that name.")
    return _json(found)


async def my_permissions_with(engine: Engine, request: Request) -> Response:
    """What the caller may do with one record."""
    collection = engine.catalog.get(request.params["collection"])
    return _json(await record_permissions(engine, collection, request.params["id"], Facts.of(request)))


def _json(found: Any) -> Response:
    return Response(body=msgspec.json.encode(found))


ROUTES: Final = (
    Route(
        method="GET",
        path=_MINE,
        handler=my_permissions,
        summary="What the caller may do",
        tag="access",
        access="anyone",
        answer={"type": "object", "additionalProperties": _OF_COLLECTION},
    ),
    Route(
        method="GET",
        path=_MINE + "/{collection}",
        handler=my_permissions_in,
        summary="What the caller may do in a collection",
        tag="access",
        access="anyone",
        answer=_OF_COLLECTION,
    ),
    Route(
        method="GET",
        path=_MINE + "/{collection}/{id}",
        handler=my_permissions_with,
        summary="What the caller may do with a record",
        tag="access",
        access="anyone",
        answer=_OF_RECORD,
    ),
)
