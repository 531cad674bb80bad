"""`/api/logs`, for superusers: the lines that are kept, as PocketBase has them, and all that one request has done."""

import re
from typing import Any, Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Parameter, Route, Schema
from holdfast.http.selection import read_plain_fields, select
from holdfast.logbook.joined import view_request
from holdfast.logbook.logbook import Logbook
from holdfast.logbook.reading import INTERVALS, count_lines, list_lines, view_line
from holdfast.records.query import MAX_PER_PAGE
from holdfast.schema.role import VIEW_LOGS

PATH: Final = "/api/logs"
_ID: Final = re.compile(r"[A-Za-z0-9._~-]{8,128}")
_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer"}
_FIELDS: Final = Parameter("fields", "Which keys go out, with commas between them.")
_FILTER: Final = Parameter("filter", "Which lines: by id, created, level, message, request and data.*, as for records.")
_LINE: Final[Schema] = {
    "type": "object",
    "required": ["id", "created", "level", "message", "request", "data"],
    "properties": {
        "id": _TEXT,
        "created": _TEXT,
        "level": {"type": "integer", "description": "-4 debug, 0 info, 4 warning, 8 error."},
        "message": _TEXT,
        "request": {"type": "string", "description": "The id of the request; empty for what belongs to none."},
        "data": OBJECT,
    },
}
_PAGE: Final[Schema] = {
    "type": "object",
    "required": ["items", "page", "perPage", "totalItems", "totalPages"],
    "properties": {
        "items": {"type": "array", "items": _LINE},
        **dict.fromkeys(("page", "perPage", "totalItems", "totalPages"), _WHOLE),
        "totalIsEstimate": {"type": "boolean"},
    },
}
_STATS: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["date", "total", "warnings", "errors"],
        "properties": {"date": _TEXT, **dict.fromkeys(("total", "warnings", "errors"), _WHOLE)},
    },
}


def _some(**properties: Schema) -> Schema:
    return {"type": "array", "items": {"type": "object", "required": list(properties), "properties": properties}}


_NAMED: Final[Schema] = {"type": "object", "properties": {"kind": _TEXT, "id": _TEXT, "name": _TEXT}}
_JOINED: Final[Schema] = {
    "type": "object",
    "required": ["id", "lines", "audit", "events", "deliveries", "jobs"],
    "properties": {
        "id": _TEXT,
        "lines": {"type": "array", "items": _LINE},
        "audit": _some(id=_TEXT, at=_TEXT, action=_TEXT, outcome=_TEXT, reason=_TEXT, target=_NAMED, actor=_NAMED),
        "events": _some(id=_TEXT, seq=_WHOLE, type=_TEXT, timestamp=_TEXT, collection=_TEXT, recordId=_TEXT),
        "deliveries": _some(
            id=_TEXT,
            webhookId=_TEXT,
            url=_TEXT,
            eventId=_TEXT,
            type=_TEXT,
            state=_TEXT,
            attempts=_WHOLE,
            status={"type": ["integer", "null"]},
            error=_TEXT,
            created=_TEXT,
        ),
        "jobs": _some(id=_TEXT, name=_TEXT, state=_TEXT, attempts=_WHOLE, error=_TEXT, created=_TEXT),
    },
}


def logbook_routes(book: Logbook) -> tuple[Route, ...]:
    """The routes of a process: they read on the connections of the log, so that no search in it holds up a record."""

    async def list_logs(engine: Engine, request: Request) -> Response:
        return _answer(request, await list_lines(engine, book.pool, request))

    async def view_log(_: Engine, request: Request) -> Response:
        return _answer(request, await view_line(book.pool, request.params["id"]))

    async def stats(engine: Engine, request: Request) -> Response:
        return _answer(request, await count_lines(engine, book.pool, request))

    async def join(_: Engine, request: Request) -> Response:
        id = request.params["id"]
        if _ID.fullmatch(id) is None:
            raise NotFound("This is no id of a request.")
        return _answer(request, await view_request(book.pool, id))

    lists: tuple[Parameter, ...] = (
        Parameter("page", "Which page, from 1.", _WHOLE),
        Parameter("perPage", f"How many lines in a page, up to {MAX_PER_PAGE}.", _WHOLE),
        Parameter("sort", "-created if absent; by the same names as the filter."),
        _FILTER,
        Parameter("skipTotal", "Do not count: the totals are -1.", {"type": "boolean"}),
        Parameter("count", "exact, estimated or none.", {"enum": ["exact", "estimated", "none"]}),
        _FIELDS,
    )
    interval = Parameter("interval", "How long a stretch is; 1h if absent.", {"enum": list(INTERVALS)})
    return (
        _route(PATH, list_logs, "Lines of the log, the newest first", _PAGE, lists),
        _route(PATH + "/stats", stats, "How many lines there were, hour by hour", _STATS, (_FILTER, interval, _FIELDS)),
        _route(PATH + "/requests/{id}", join, "All that one request has done", _JOINED),
        _route(PATH + "/{id}", view_log, "One line of the log", _LINE, (_FIELDS,)),
    )


def _route(path: str, handler: Any, summary: str, answer: Schema, parameters: tuple[Parameter, ...] = ()) -> Route:
    return Route(
        method="GET",
        path=path,
        operation=VIEW_LOGS,
        handler=handler,
        summary=summary,
        tag="logs",
        parameters=parameters,
        answer=answer,
    )


def _answer(request: Request, found: Any) -> Response:
    body = select(msgspec.json.encode(found), read_plain_fields(request.query.get("fields", "")))
    return Response(body=msgspec.json.format(body, indent=-1), headers=((b"cache-control", b"no-store"),))
