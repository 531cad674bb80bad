"""Everything under `/api/collections/{collection}/records`: which handler answers which method and path."""

from typing import Final

from holdfast.engine import Engine
from holdfast.errors import BadRequest, MethodNotAllowed, NotFound
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import allow
from holdfast.records import read_routes, write_routes
from holdfast.records.retry import with_retries
from holdfast.records.uploads import forget_body
from holdfast.records.view_failure import naming_the_view
from holdfast.schema.collection import Collection

RECORDS: Final = "/api/collections/{collection}/records"
RECORD: Final = RECORDS + "/{id}"
QUERY: Final = RECORDS + "/query"
AGGREGATE: Final = RECORDS + "/aggregate"


async def handle(engine: Engine, request: Request) -> Response:
    """Answer a request whose path begins with `/api/collections/{collection}/records`.

    Raises NotFound for a path or a collection that is not there, MethodNotAllowed with `Allow`.
    """
    try:
        return await with_retries(engine, _answer, engine, request)
    finally:
        if request.form is not None:
            forget_body(request)


async def _answer(engine: Engine, request: Request) -> Response:
    segments = request.path.split("/", 5)
    if not engine.live.following:
        await engine.live.check()
    # Nothing else runs from here until the handler has taken its catalog: both see one version.
    collection = engine.catalog.get(segments[3])
    request.collection = collection.name
    request.params = {"collection": segments[3]}
    if collection.is_view:
        with naming_the_view(collection, request.principal):
            return await _dispatch(engine, request, collection, segments)
    return await _dispatch(engine, request, collection, segments)


async def _dispatch(engine: Engine, request: Request, collection: Collection, segments: list[str]) -> Response:
    if len(segments) == 5:
        return await _many(engine, request, collection)
    if not segments[5] or "/" in segments[5] or "\0" in segments[5]:
        raise NotFound
    return await _one(engine, request, collection, segments[5])


async def _many(engine: Engine, request: Request, collection: Collection) -> Response:
    request.route = RECORDS
    match request.method:
        case "GET":
            return await read_routes.list_records(engine, request, collection)
        case "POST":
            return await write_routes.create(engine, request, _writable(collection))
        case "PUT":
            return await write_routes.upsert(engine, request, _writable(collection))
        case _:
            raise MethodNotAllowed(headers={"Allow": allow(("GET", "POST", "PUT"))})


async def _one(engine: Engine, request: Request, collection: Collection, rest: str) -> Response:
    # A record may be called `query` or `aggregate`: it can be listed, changed and deleted like any other.
    if rest == "query" and request.method == "POST":
        request.route = QUERY
        return await read_routes.query_records(engine, request, collection)
    if rest == "aggregate" and request.method == "GET":
        request.route = AGGREGATE
        return await read_routes.aggregate_records(engine, request, collection)
    request.route = RECORD
    request.params["id"] = rest
    match request.method:
        case "GET":
            return await read_routes.view_record(engine, request, collection, rest)
        case "PATCH":
            return await write_routes.update(engine, request, _writable(collection), rest)
        case "PUT":
            return await write_routes.upsert(engine, request, _writable(collection), rest)
        case "DELETE":
            return await write_routes.delete(engine, request, _writable(collection), rest)
        case _:
            raise MethodNotAllowed(headers={"Allow": allow(("GET", "PATCH", "PUT", "DELETE"))})


def _writable(collection: Collection) -> Collection:
    if collection.is_view:
        raise BadRequest("This collection is a view: its records can only be read.")
    return collection
