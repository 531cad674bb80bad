"""`/api/console/views`: saved views of collections, for superusers."""

from typing import Any, Final

import msgspec

from holdfast.console import saved_view_store as store
from holdfast.console.saved_view import MAX_NAME_CHARS, SHARINGS, SavedView, read_view, view_json
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import Forbidden, Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Parameter, Route, Schema

PATH: Final = "/api/console/views"
ONE: Final = PATH + "/{id}"
_LOCKED: Final = "This view is locked: only who has made it can change it. Save it under another name."
_TEXT: Final[Schema] = {"type": "string"}
_STATE: Final[Schema] = {
    "type": "object",
    "properties": {
        "filter": _TEXT,
        "sort": _TEXT,
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field"],
                "properties": {
                    "field": {"type": "string", "description": "The id of the field."},
                    "width": {"type": "integer", "description": "In pixels; 0 is as it comes."},
                    "pinned": {"type": "boolean"},
                },
            },
        },
        "density": {"enum": ["compact", "normal", "roomy"]},
    },
}
_GIVEN: Final = {
    "name": {"type": "string", "maxLength": MAX_NAME_CHARS},
    "sharing": {"enum": list(SHARINGS)},
    "state": _STATE,
}
_MADE: Final[Schema] = {
    "type": "object",
    "required": ["collection", "name"],
    "properties": {"collection": _TEXT, **_GIVEN},
}
_CHANGED: Final[Schema] = {"type": "object", "properties": _GIVEN}
_VIEW: Final[Schema] = {
    "type": "object",
    "required": ["id", "collection", "name", "sharing", "mine", "state"],
    "properties": {
        "id": _TEXT,
        "collection": _TEXT,
        **_GIVEN,
        "mine": {"type": "boolean", "description": "Whether the caller has made it."},
        "created": _TEXT,
        "updated": _TEXT,
    },
}
_LIST: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _VIEW}},
}


async def list_views(engine: Engine, request: Request) -> Response:
    """The views that the caller sees."""
    name, who = request.query.get("collection", ""), request.principal.key
    wanted = engine.catalog.get(name).id if name else ""
    async with engine.pool.transaction() as tx:
        found = await store.seen_views(tx, who, wanted)
    return _answer({"items": [_shown(engine, view, who) for view in found]})


async def create_view(engine: Engine, request: Request) -> Response:
    """Save a view."""
    body, who = await request.object(), request.principal.key
    given = body.get("collection")
    collection = engine.catalog.find(given) if isinstance(given, str) else None
    if collection is None:
        code = "validation_invalid_value" if given else "validation_required"
        raise ValidationFailed({"collection": Problem(code, "Must be the name of a collection.")})
    view = read_view(body, SavedView(collection_id=collection.id, owner=who, name=""))
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            return _answer(_shown(engine, await store.put_view(tx, view), who))


async def update_view(engine: Engine, request: Request) -> Response:
    """Change a view."""
    body, who = await request.object(), request.principal.key
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            old = await store.get_view(tx, request.params["id"], who)
            if not old.may_change(who):
                raise Forbidden(_LOCKED)
            if body.get("sharing", old.sharing) != old.sharing and old.owner != who:
                raise Forbidden("Only who has made a view can say who sees it.")
            made = await store.put_view(tx, read_view({**body, "collection": old.collection_id}, old))
            return _answer(_shown(engine, made, who))


async def delete_view(engine: Engine, request: Request) -> Response:
    """Forget a view."""
    who = request.principal.key
    async with engine.pool.transaction() as tx:
        if not (await store.get_view(tx, request.params["id"], who)).may_change(who):
            raise Forbidden(_LOCKED)
        await store.delete_view(tx, request.params["id"])
    return NO_CONTENT


def _shown(engine: Engine, view: SavedView, who: str) -> dict[str, Any]:
    return view_json(view, engine.catalog.name_of(view.collection_id), who)


def _answer(content: dict[str, Any]) -> Response:
    return Response(body=msgspec.json.encode(content))


VIEW_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=list_views,
        summary="The saved views that the caller sees",
        tag="console",
        parameters=(Parameter("collection", "Only those of this collection."),),
        answer=_LIST,
    ),
    Route(
        method="POST",
        path=PATH,
        handler=create_view,
        summary="Save a view of a collection",
        tag="console",
        body=_MADE,
        answer=_VIEW,
    ),
    Route(
        method="PATCH",
        path=ONE,
        handler=update_view,
        summary="Change a saved view",
        tag="console",
        body=_CHANGED,
        answer=_VIEW,
    ),
    Route(method="DELETE", path=ONE, handler=delete_view, summary="Forget a saved view", tag="console", status=204),
)
