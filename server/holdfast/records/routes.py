"""Everything under `/api/collections/{collection}/records`: which handler answers which method and path."""

from collections.abc import Coroutine
from typing import Final, TypeAlias

from holdfast.engine import Engine
from holdfast.errors import BadRequest, MethodNotAllowed, NotFound
from holdfast.http.request import OF_RECORDS, Request
from holdfast.http.response import Response
from holdfast.http.routing import allow
from holdfast.records import read_routes, write_routes
from holdfast.records.retry import MOMENTARY, with_retries
from holdfast.records.uploads import forget_body
from holdfast.records.view_failure import naming_the_view
from holdfast.schema.collection import Collection

RECORDS: Final = "/api/collections/{collection}/records"
RECORD: Final = RECORDS + "/{id}"
QUERY: Final = RECORDS + "/query"
AGGREGATE: Final = RECORDS + "/aggregate"
Answering: TypeAlias = Coroutine[None, None, Response]
"""A handler at work. Who only chooses one is no coroutine itself: each costs every request."""


async def handle(engine: Engine, request: Request) -> Response:
    """Answer a request whose path begins with `/api/collections/{collection}/records`.

    Raises NotFound for a path or a collection that is not there, MethodNotAllowed with `Allow`.
    """
    try:
        return await _answer(engine, request)
    except MOMENTARY as failure:
        return await with_retries(engine, _answer, engine, request, after=failure)
    finally:
        if request.form is not None:
            forget_body(request)


def _answer(engine: Engine, request: Request) -> Answering:
    return _choose(engine, request) if engine.live.following else _answer_after_a_look(engine, request)


async def _answer_after_a_look(engine: Engine, request: Request) -> Response:
    await engine.live.check()
    return await _choose(engine, request)


def _choose(engine: Engine, request: Request) -> Answering:
    # Nothing else runs from here until the handler has taken its catalog: both see one version.
    path = request.of_records or OF_RECORDS.fullmatch(request.path)
    if path is None:
        raise NotFound
    given, rest = path.groups()
    collection = engine.live.now.get(given)
    request.collection = collection.name
    request.params = {"collection": given}
    chosen = _many(engine, request, collection) if rest is None else _one(engine, request, collection, rest)
    return _naming(collection, request, chosen) if collection.type == "view" else chosen


async def _naming(view: Collection, request: Request, chosen: Answering) -> Response:
    with naming_the_view(view, request.principal):
        return await chosen


def _many(engine: Engine, request: Request, collection: Collection) -> Answering:
    request.route = RECORDS
    match request.method:
        case "GET":
            return read_routes.list_records(engine, request, collection)
        case "POST":
            return write_routes.create(engine, request, _writable(collection))
        case "PUT":
            return write_routes.upsert(engine, request, _writable(collection))
        case _:
            raise MethodNotAllowed(headers={"Allow": allow(("GET", "POST", "PUT"))})


def _one(engine: Engine, request: Request, collection: Collection, rest: str) -> Answering:
    # A record may be called `query` or `aggregate`: it can be listed, changed and deleted like any other.
    if rest == "query" and request.method == "POST":
        request.route = QUERY
        return read_routes.query_records(engine, request, collection)
    if rest == "aggregate" and request.method == "GET":
        request.route = AGGREGATE
        return read_routes.aggregate_records(engine, request, collection)
    request.route = RECORD
    request.params["id"] = rest
    match request.method:
        case "GET":
            return read_routes.view_record(engine, request, collection, rest)
        case "PATCH":
            return write_routes.update(engine, request, _writable(collection), rest)
        case "PUT":
            return write_routes.upsert(engine, request, _writable(collection), rest)
        case "DELETE":
            return write_routes.delete(engine, request, _writable(collection), rest)
        case _:
            raise MethodNotAllowed(headers={"Allow": allow(("GET", "PATCH", "PUT", "DELETE"))})


def _writable(collection: Collection) -> Collection:
    if collection.is_view:
        raise BadRequest("This collection is a view: its records can only be read.")
    return collection
