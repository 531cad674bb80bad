"""What may I do? For anybody who asks about themselves, and for superusers about others."""

from typing import Any, Final

import msgspec

from holdfast.access.acting import principal_meant
from holdfast.access.permissions import all_permissions, permissions, record_permissions
from holdfast.access.question import Asker
from holdfast.auth.account import auth_collection
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import NotFound, ValidationFailed
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


async def permissions_of(engine: Engine, request: Request) -> Response:
    """What an account may do, by collection."""
    catalog = engine.catalog
    collection = auth_collection(catalog, request.params["collection"])
    asker = Asker(collection=collection.name, id=request.params["id"])
    try:
        with as_api_errors():
            async with engine.pool.transaction() as tx:
                who = await principal_meant(tx, catalog, asker)
    except ValidationFailed as failure:
        raise NotFound("There is no such account.") from failure
    return _json(all_permissions(catalog, audience(who)))


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
        path="/api/collections/{collection}/accounts/{id}/permissions",
        handler=permissions_of,
        summary="What an account may do",
        tag="access",
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
