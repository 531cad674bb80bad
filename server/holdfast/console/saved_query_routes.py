"""`/api/console/queries`: SQL that operators keep, for superusers. Running it is the business of `/api/sql`."""

from typing import Any, Final

import msgspec

from holdfast.console import saved_query_store as store
from holdfast.console.saved_query import MAX_NAME_CHARS, MAX_SQL_CHARS, SavedQuery, query_json, read_query
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import Forbidden
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route, Schema

PATH: Final = "/api/console/queries"
ONE: Final = PATH + "/{id}"
_THEIRS: Final = "Only who has made a query can change it. Save it under another name."
_TEXT: Final[Schema] = {"type": "string"}
_GIVEN: Final = {
    "name": {"type": "string", "maxLength": MAX_NAME_CHARS},
    "shared": {"type": "boolean", "description": "Whether all superusers see it."},
    "sql": {"type": "string", "maxLength": MAX_SQL_CHARS},
}
_MADE: Final[Schema] = {"type": "object", "required": ["name", "sql"], "properties": _GIVEN}
_CHANGED: Final[Schema] = {"type": "object", "properties": _GIVEN}
_QUERY: Final[Schema] = {
    "type": "object",
    "required": ["id", "name", "shared", "mine", "sql"],
    "properties": {
        "id": _TEXT,
        **_GIVEN,
        "mine": {"type": "boolean", "description": "Whether the caller has made it."},
        "created": _TEXT,
        "updated": _TEXT,
    },
}
_LIST: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _QUERY}},
}


async def list_queries(engine: Engine, request: Request) -> Response:
    """The queries that the caller sees."""
    who = request.principal.key
    async with engine.pool.transaction() as tx:
        found = await store.seen_queries(tx, who)
    return _answer({"items": [query_json(query, who) for query in found]})


async def create_query(engine: Engine, request: Request) -> Response:
    """Save a query."""
    who = request.principal.key
    query = read_query(await request.object(), SavedQuery(owner=who))
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            return _answer(query_json(await store.put_query(tx, query), who))


async def update_query(engine: Engine, request: Request) -> Response:
    """Change a query."""
    body, who = await request.object(), request.principal.key
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            old = await store.get_query(tx, request.params["id"], who)
            if old.owner != who:
                raise Forbidden(_THEIRS)
            return _answer(query_json(await store.put_query(tx, read_query(body, old)), who))


async def delete_query(engine: Engine, request: Request) -> Response:
    """Forget a query."""
    who = request.principal.key
    async with engine.pool.transaction() as tx:
        if (await store.get_query(tx, request.params["id"], who)).owner != who:
            raise Forbidden(_THEIRS)
        await store.delete_query(tx, request.params["id"])
    return NO_CONTENT


def _answer(content: dict[str, Any]) -> Response:
    return Response(body=msgspec.json.encode(content))


QUERY_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=list_queries,
        summary="The saved queries that the caller sees",
        tag="console",
        answer=_LIST,
    ),
    Route(
        method="POST",
        path=PATH,
        handler=create_query,
        summary="Save a query",
        tag="console",
        body=_MADE,
        answer=_QUERY,
    ),
    Route(
        method="PATCH",
        path=ONE,
        handler=update_query,
        summary="Change a saved query",
        tag="console",
        body=_CHANGED,
        answer=_QUERY,
    ),
    Route(method="DELETE", path=ONE, handler=delete_query, summary="Forget a saved query", tag="console", status=204),
)
