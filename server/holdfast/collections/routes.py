"""The collections over HTTP, for superusers."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.collections import service, trash
from holdfast.collections.index_use import indexes_of
from holdfast.collections.listing import page_of
from holdfast.collections.losses import losses
from holdfast.engine import Engine
from holdfast.http.recent import require_recent
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import OBJECT, Parameter, Route, Schema
from holdfast.http.selection import Selection, read_plain_fields, select
from holdfast.schema.rendering import collection_bytes, collection_json
from holdfast.schema.scaffolds import scaffolds

_ONE: Final = "/api/collections/{collection}"
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 1}
_PAGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": OBJECT},
        "page": {"type": "integer"},
        "perPage": {"type": "integer"},
        "totalItems": {"type": "integer"},
        "totalPages": {"type": "integer"},
    },
}
_IMPORT: Final[Schema] = {
    "type": "object",
    "properties": {
        "collections": {"type": "array", "items": OBJECT},
        "deleteMissing": {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": ["fields"]}]},
        "plan": {"type": "string"},
    },
    "required": ["collections"],
}
_QUERY: Final[Schema] = {
    "type": "object",
    "properties": {"viewQuery": {"type": "string"}},
    "required": ["viewQuery"],
}
_INDEXES: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "bytes", "scans", "lastUsed", "valid"],
                "properties": {
                    "name": {"type": "string"},
                    "bytes": {"type": "integer"},
                    "scans": {"type": "integer", "description": "Since PostgreSQL's statistics were reset."},
                    "lastUsed": {"type": "string", "description": "Empty if never, and before PostgreSQL 16."},
                    "valid": {"type": "boolean"},
                },
            },
        },
    },
}
_COLUMN: Final[Schema] = {
    "type": "object",
    "required": ["name", "type", "hidden"],
    "properties": {"name": {"type": "string"}, "type": {"type": "string"}, "hidden": {"type": "boolean"}},
}
_PREVIEW: Final[Schema] = {
    "type": "object",
    "required": ["fields", "items"],
    "properties": {"fields": {"type": "array", "items": _COLUMN}, "items": {"type": "array", "items": OBJECT}},
}
_LOSING: Final[Schema] = {
    "type": "object",
    "properties": {
        "method": {"type": "string"},
        "collection": {"type": "string"},
        "body": OBJECT,
        "losing": {"type": "string", "description": "The collection and the field of a step: posts.count."},
    },
    "required": ["losing"],
}
_LOSER: Final[Schema] = {
    "type": "object",
    "required": ["id", "value", "becomes"],
    "properties": {"id": {"type": "string"}, "value": {}, "becomes": {}},
}
_LOSSES: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _LOSER}},
}
_STEP: Final[Schema] = {
    "type": "object",
    "required": ["collection", "action", "sql", "destroys", "rewrites", "locks", "rows", "field"],
    "properties": {
        "collection": {"type": "string"},
        "action": {"type": "string"},
        "sql": {"type": "string"},
        "destroys": {"type": "boolean"},
        "rewrites": {"type": "boolean"},
        "locks": {"type": "string"},
        "rows": {"type": "integer"},
        "field": {"type": "string"},
    },
}
_HELD: Final[Schema] = {
    "type": "object",
    "required": ["collection", "bytes", "rows", "rewrites", "locks"],
    "properties": {
        "collection": {"type": "string"},
        "bytes": {"type": "integer"},
        "rows": {"type": "integer", "description": "As PostgreSQL estimates."},
        "rewrites": {"type": "boolean"},
        "locks": {"type": "string", "description": "The strongest lock that the change takes on the table."},
    },
}
_PLAN: Final[Schema] = {
    "type": "object",
    "required": ["hash", "steps", "estimate"],
    "properties": {
        "hash": {"type": "string"},
        "steps": {"type": "array", "items": _STEP},
        "estimate": {
            "type": "object",
            "required": ["secondsFrom", "secondsTo", "unsure", "tables"],
            "properties": {
                "secondsFrom": {"type": "number"},
                "secondsTo": {"type": "number"},
                "unsure": {"type": "boolean", "description": "Whether PostgreSQL has not counted the rows yet."},
                "tables": {"type": "array", "items": _HELD},
            },
        },
    },
}
_FIELDS: Final = Parameter("fields", "Which parts of each collection go out, with commas between them.")
_encode: Final = msgspec.json.encode


def _wanted(request: Request) -> Selection:
    return read_plain_fields(request.query.get("fields", ""))


def _shown(body: bytes, wanted: Selection) -> Response:
    return Response(body=select(body, wanted))


async def list_collections(engine: Engine, request: Request) -> Response:
    """A page of the collections."""
    wanted = _wanted(request)
    return _shown(_encode(await page_of(engine.pool, engine.catalog, request.query)), wanted)


async def view_collection(engine: Engine, request: Request) -> Response:
    """One collection by id or name."""
    return _shown(collection_bytes(engine.catalog.get(request.params["collection"])), _wanted(request))


async def create_collection(engine: Engine, request: Request) -> Response:
    """Make a collection."""
    wanted = _wanted(request)
    return _shown(collection_bytes(await service.create(engine, Author.of(request), await request.object())), wanted)


async def update_collection(engine: Engine, request: Request) -> Response:
    """Change a collection."""
    wanted = _wanted(request)
    changed = await service.update(engine, Author.of(request), request.params["collection"], await request.object())
    return _shown(collection_bytes(changed), wanted)


async def delete_collection(engine: Engine, request: Request) -> Response:
    """Delete a collection."""
    await service.delete(engine, Author.of(request), request.params["collection"], await _given(request))
    return NO_CONTENT


async def _given(request: Request) -> Mapping[str, Any]:
    """The body, or the query where there is none: many clients send no body with DELETE."""
    return await request.object() or request.query


async def truncate_collection(engine: Engine, request: Request) -> Response:
    """Delete all records of a collection."""
    await service.truncate(engine, Author.of(request), request.params["collection"])
    return NO_CONTENT


async def import_collections(engine: Engine, request: Request) -> Response:
    """Make and change many collections at once."""
    given = await request.object()
    if given.get("deleteMissing") is True:
        await require_recent(engine, request.principal)
    await service.import_(engine, Author.of(request), given)
    return NO_CONTENT


async def plan_collections(engine: Engine, request: Request) -> Response:
    """Say what a change would do."""
    return Response(body=_encode(await service.plan(engine, await request.object())))


async def losses_of_collections(engine: Engine, request: Request) -> Response:
    """Which records a change would take something from."""
    return Response(body=_encode({"items": await losses(engine, await request.object())}))


async def show_indexes(engine: Engine, request: Request) -> Response:
    """The indexes of a collection with their sizes and their use."""
    found = await indexes_of(engine, engine.catalog.get(request.params["collection"]))
    return Response(body=_encode({"items": found}))


async def preview_of_view(engine: Engine, request: Request) -> Response:
    """Show what the query of a view would show."""
    from holdfast.collections.view_preview import preview_view  # loads the parser, which few servers need

    return Response(body=_encode(await preview_view(engine, (await request.object()).get("viewQuery"))))


async def show_scaffolds(engine: Engine, request: Request) -> Response:
    """An empty collection of each type."""
    return _shown(_encode(scaffolds()), _wanted(request))


async def list_trash(engine: Engine, request: Request) -> Response:
    """Everything in the trash."""
    return _shown(_encode({"items": await trash.dropped(engine)}), _wanted(request))


async def restore_trash(engine: Engine, request: Request) -> Response:
    """Bring something back from the trash."""
    restored = await trash.restore(engine, Author.of(request), request.params["id"])
    shown = msgspec.to_builtins(restored) | {"collection": collection_json(restored.collection)}
    return Response(body=_encode(shown))


async def delete_trash(engine: Engine, request: Request) -> Response:
    """Delete something in the trash for good."""
    await trash.delete_forever(engine, Author.of(request), request.params["id"])
    return NO_CONTENT


def _route(method: Any, path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(method=method, path=path, handler=handler, summary=summary, tag="collections", **more)


ROUTES: Final[tuple[Route, ...]] = (
    _route(
        "GET",
        "/api/collections",
        list_collections,
        "A page of the collections",
        parameters=(
            Parameter("page", "Which page, from 1.", _WHOLE),
            Parameter("perPage", "How many on a page: 30, at most 1,000.", _WHOLE),
            Parameter(
                "sort", "Names separated by commas, - before one for descending: id, name, type, system, created."
            ),
            Parameter("filter", "A filter over id, name, type, system, created and updated."),
            Parameter("skipTotal", "Whether the totals are left out (-1).", {"type": "boolean"}),
            _FIELDS,
        ),
        answer=_PAGE,
    ),
    _route(
        "POST",
        "/api/collections",
        create_collection,
        "Make a collection",
        parameters=(_FIELDS,),
        body=OBJECT,
        answer=OBJECT,
        errors=(412, 503),
    ),
    _route(
        "PUT",
        "/api/collections/import",
        import_collections,
        "Make and change many collections, all or nothing",
        body=_IMPORT,
        status=204,
        errors=(412, 503),
    ),
    _route("GET", "/api/collections/meta/scaffolds", show_scaffolds, "An empty collection of each type", answer=OBJECT),
    _route(
        "POST",
        "/api/collections/plan",
        plan_collections,
        "What a change would do, without doing it",
        body=OBJECT,
        answer=_PLAN,
        errors=(503,),
    ),
    _route(
        "POST",
        "/api/collections/losses",
        losses_of_collections,
        "Which records would lose their value in a field by a change",
        body=_LOSING,
        answer=_LOSSES,
        errors=(503,),
    ),
    _route(
        "POST",
        "/api/collections/preview",
        preview_of_view,
        "What the query of a view would show, without making it",
        body=_QUERY,
        answer=_PREVIEW,
    ),
    _route("GET", "/api/collections/trash", list_trash, "What was dropped and can be brought back", answer=OBJECT),
    _route(
        "POST",
        "/api/collections/trash/{id}/restore",
        restore_trash,
        "Bring back what was dropped, with its data, indexes, rules and relations",
        answer=OBJECT,
        errors=(503,),
    ),
    _route(
        "DELETE",
        "/api/collections/trash/{id}",
        delete_trash,
        "Delete something in the trash for good",
        recent=True,
        status=204,
    ),
    _route("GET", _ONE, view_collection, "One collection, by id or name", parameters=(_FIELDS,), answer=OBJECT),
    _route("GET", _ONE + "/indexes", show_indexes, "Its indexes: how large, how much used", answer=_INDEXES),
    _route(
        "PATCH",
        _ONE,
        update_collection,
        "Change a collection",
        parameters=(_FIELDS,),
        body=OBJECT,
        answer=OBJECT,
        errors=(412, 503),
    ),
    _route(
        "DELETE",
        _ONE,
        delete_collection,
        "Move a collection to the trash",
        recent=True,
        body=OBJECT,
        body_required=False,
        status=204,
        errors=(412, 503),
    ),
    _route(
        "DELETE",
        _ONE + "/truncate",
        truncate_collection,
        "Delete all records of a collection",
        recent=True,
        status=204,
        errors=(503,),
    ),
)
