"""Roles over HTTP, for superusers."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.auth import role_service as service
from holdfast.auth.role_reading import MAX_DESCRIPTION_CHARS, role_json
from holdfast.collections.service import terms
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route, Schema
from holdfast.schema.role import ACTIONS, OPERATIONS

_MANY: Final = "/api/roles"
_ONE: Final = _MANY + "/{role}"
_NAMES: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_PERMISSION: Final[Schema] = {
    "type": "object",
    "required": ["collection", "actions"],
    "properties": {
        "collection": {"type": "string", "description": "A collection's name, or * for all but system collections."},
        "actions": {"type": "array", "items": {"enum": list(ACTIONS)}},
        "rule": {"type": "string"},
        "fields": {"type": "object", "properties": {"read": _NAMES, "write": _NAMES}},
    },
}
_CHANGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 63},
        "description": {"type": "string", "maxLength": MAX_DESCRIPTION_CHARS},
        "permissions": {"type": "array", "items": _PERMISSION},
        "operations": {"type": "array", "items": {"enum": list(OPERATIONS)}},
    },
}
_NEW: Final[Schema] = {**_CHANGE, "required": ["name"]}
_ROLE: Final[Schema] = {
    "type": "object",
    "required": ["id", "name", "description", "permissions", "operations", "created", "updated"],
    "properties": {
        "id": {"type": "string"},
        **_CHANGE["properties"],
        "created": {"type": "string"},
        "updated": {"type": "string"},
    },
}


async def list_roles(engine: Engine, request: Request) -> Response:
    """All roles, in the order in which they were made."""
    catalog = engine.catalog
    return _json({"items": [role_json(catalog, role) for role in catalog.roles]})


async def view_role(engine: Engine, request: Request) -> Response:
    """One role by id or name."""
    return _json(role_json(engine.catalog, service.get_role(engine.catalog, request.params["role"])))


async def create_role(engine: Engine, request: Request) -> Response:
    """Make a role."""
    body = await request.object()
    return _json(
        role_json(
            engine.catalog, await service.create_role(engine, Author.of(request), body, unguarded=_unguarded(body))
        )
    )


async def update_role(engine: Engine, request: Request) -> Response:
    """Change a role."""
    body = await request.object()
    changed = await service.update_role(
        engine, Author.of(request), request.params["role"], body, unguarded=_unguarded(body)
    )
    return _json(role_json(engine.catalog, changed))


async def delete_role(engine: Engine, request: Request) -> Response:
    """Delete a role and take it from everybody who has it."""
    given = await request.object() or request.query
    await service.delete_role(engine, Author.of(request), request.params["role"], unguarded=_unguarded(given))
    return NO_CONTENT


def _unguarded(body: Mapping[str, Any]) -> bool:
    return terms({"ruleTests": body.get("ruleTests")}).unguarded


def _json(found: Mapping[str, Any]) -> Response:
    return Response(body=msgspec.json.encode(found))


ROLE_ROUTES: Final = (
    Route(
        method="GET",
        path=_MANY,
        handler=list_roles,
        summary="List the roles",
        tag="access",
        answer={"type": "object", "properties": {"items": {"type": "array", "items": _ROLE}}},
    ),
    Route(
        method="POST",
        path=_MANY,
        handler=create_role,
        summary="Make a role",
        tag="access",
        body=_NEW,
        answer=_ROLE,
        errors=(503,),
    ),
    Route(method="GET", path=_ONE, handler=view_role, summary="View a role", tag="access", answer=_ROLE),
    Route(
        method="PATCH",
        path=_ONE,
        handler=update_role,
        summary="Change a role",
        tag="access",
        body=_CHANGE,
        answer=_ROLE,
        errors=(503,),
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=delete_role,
        summary="Delete a role",
        description="It is taken from all users and keys that have it.",
        tag="access",
        status=204,
        errors=(503,),
    ),
)
