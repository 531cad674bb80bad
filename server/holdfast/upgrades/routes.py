"""`/api/migrations`, for superusers. They are applied when a server starts, or by `holdfast migrate`: not from here."""

from typing import Any, Final

import msgspec

from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema
from holdfast.upgrades.listing import list_migrations, view_migration

PATH: Final = "/api/migrations"
_TEXT: Final[Schema] = {"type": "string"}
_PROPERTIES: Final[dict[str, Schema]] = {
    "name": _TEXT,
    "description": _TEXT,
    "state": {
        "enum": ["applied", "pending", "drifted", "unknown"],
        "description": "drifted: its file is not what it was when it was applied. unknown: of another version.",
    },
    "applied": {"type": "string", "description": "When; empty if it was not."},
    "checksum": {"type": "string", "description": "SHA-256 of its file when it was applied; empty before 0032."},
    "file": {"type": "string", "description": "SHA-256 of its file now; empty if this server has none."},
}
_ONE: Final[Schema] = {"type": "object", "required": list(_PROPERTIES), "properties": _PROPERTIES}
_WHOLE: Final[Schema] = {
    "type": "object",
    "required": [*_PROPERTIES, "source"],
    "properties": {**_PROPERTIES, "source": {"type": "string", "description": "Its file; empty if there is none."}},
}
_LIST: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _ONE}},
}


async def migrations(engine: Engine, _: Request) -> Response:
    """All of them."""
    return _answer({"items": await list_migrations(engine.pool)})


async def migration(engine: Engine, request: Request) -> Response:
    """One of them."""
    return _answer(await view_migration(engine.pool, request.params["name"]))


def _answer(found: dict[str, Any]) -> Response:
    return Response(body=msgspec.json.encode(found), headers=((b"cache-control", b"no-store"),))


MIGRATION_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=migrations,
        summary="The migrations of the system schema",
        description="The newest first: those that were applied, that wait, and those whose file has changed since.",
        tag="migrations",
        answer=_LIST,
    ),
    Route(
        method="GET",
        path=PATH + "/{name}",
        handler=migration,
        summary="One migration, with its source",
        tag="migrations",
        answer=_WHOLE,
    ),
)
