"""`/api/audit`, for superusers. There is nothing here that changes an entry."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from holdfast.audit.actions import ACTIONS
from holdfast.audit.asked import LISTED, MOST_LISTED, Asked, entry_json, read_asked, read_id
from holdfast.audit.naming import called, names_of
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import Sql, Statement, raw, value
from holdfast.errors import NotFound
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route, Schema
from holdfast.http.stream import Line, Streamed

if TYPE_CHECKING:  # handlers are given the engine, which lies in a layer above
    from holdfast.engine import Engine

PATH: Final = "/api/audit"
NDJSON: Final = b"application/x-ndjson"
ROWS_AT_ONCE: Final = 100  # of an export: one entry has at most about 130 kB
CHUNK_BYTES: Final = 256 * 1024
_SHORT: Final = raw(
    "SELECT a.id, holdfast.stamp(a.at) AS stamped, a.action, a.outcome, a.reason, a.actor_kind, a.actor_collection,"
    " a.actor_id, a.actor_name, a.actor_key, a.target_kind, a.target_id, a.target_name, a.request, a.address, a.client,"
    " a.details"
)
_WHOLE: Final = _SHORT + raw(", a.before, a.after FROM holdfast.audit AS a WHERE ")
_LISTED: Final = _SHORT + raw(" FROM holdfast.audit AS a WHERE ")
_NEWEST: Final = Statement.of(raw("SELECT coalesce(max(a.id), 0) AS id FROM holdfast.audit AS a"))
_TEXT: Final[Schema] = {"type": "string"}
_PARTS: Final[Schema] = {"type": ["object", "null"]}
_SHOWN: Final[Schema] = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "at": {"type": "string", "format": "date-time"},
        "action": {"enum": list(ACTIONS)},
        "outcome": {"enum": ["success", "failure"]},
        "reason": {"type": "string", "description": "Of a failure: which it was."},
        "actor": {"type": "object", "properties": dict.fromkeys(("kind", "collection", "id", "name", "key"), _TEXT)},
        "target": {"type": "object", "properties": dict.fromkeys(("kind", "id", "name"), _TEXT)},
        "request": {"type": "string", "description": "The id of the request, as in the log lines."},
        "address": _TEXT,
        "client": {"type": "string", "description": "What the client called itself (X-Client)."},
        "details": _PARTS,
    },
}
_ENTRY: Final[Schema] = {"type": "object", "properties": {**_SHOWN["properties"], "before": _PARTS, "after": _PARTS}}
_LIST: Final[Schema] = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": _SHOWN},
        "next": {"type": ["string", "null"], "description": "What `before` has to be for the next page."},
    },
}
_FILTERS: Final = (
    Parameter("action", "Actions such as collection.updated or auth.*, with commas between them."),
    Parameter("actor", "Who: the id of a record or of an API key, or a kind such as superuser."),
    Parameter("target", "What: an id, a name, or a kind such as collection."),
    Parameter("from", "The first moment."),
    Parameter("to", "The moment after the last."),
    Parameter("before", "The id of an entry: only older ones."),
)


async def list_entries(engine: "Engine", request: Request) -> Response:
    """A page of entries, the newest first, without what changed."""
    asked = read_asked(request.query)
    rows = await _newest(engine.pool, asked)
    more = str(rows[-1]["id"]) if len(rows) == asked.limit else None
    items = await _named(engine, [entry_json(row, whole=False) for row in rows])
    return _json({"items": items, "next": more})


async def view_entry(engine: "Engine", request: Request) -> Response:
    """One entry with what changed."""
    id = read_id(request.params["id"])
    rows: Sequence[Row] = ()
    if id is not None:
        rows = await _fetch(engine.pool, _WHOLE + raw("a.id = ") + value(id, "bigint"))
    if not rows:
        raise NotFound("There is no entry of that id.")
    (found,) = await _named(engine, [entry_json(rows[0], whole=True)])
    return _json(found)


async def _named(engine: "Engine", entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries with what the people are called who did it."""
    people = [(entry["actor"]["collection"], entry["actor"]["id"]) for entry in entries]
    names = await names_of(engine.pool, engine.catalog.collections, people)
    return [{**entry, "actor": called(entry["actor"], names)} for entry in entries]


async def export_entries(engine: "Engine", request: Request) -> Response:
    """All entries that are asked for, the oldest first, each a line."""
    asked = read_asked(request.query)
    with as_api_errors():
        newest = await engine.pool.fetchrow(_NEWEST)
    last = newest["id"] if newest is not None else 0

    async def run(line: Line) -> None:
        after = 0
        while not line.closed.done():
            rows = await _between(engine.pool, asked, after, last)
            if not rows:
                return
            after = rows[-1]["id"]
            for chunk in _chunks(rows):
                line.put(chunk)
                await line.drained()

    headers = ((b"cache-control", b"no-store"), (b"content-disposition", b'attachment; filename="audit.ndjson"'))
    return Streamed(headers=headers, content_type=NDJSON, run=run)


def _chunks(rows: Sequence[Row]) -> list[bytes]:
    """The rows as lines, in pieces of not much more than CHUNK_BYTES."""
    found: list[bytes] = []
    piece = bytearray()
    for row in rows:
        piece += msgspec.json.encode(entry_json(row, whole=True)) + b"\n"
        if len(piece) >= CHUNK_BYTES:
            found.append(bytes(piece))
            piece.clear()
    return [*found, bytes(piece)] if piece else found


async def _newest(pool: Pool, asked: Asked) -> Sequence[Row]:
    return await _fetch(pool, _LISTED + asked.where + raw(" ORDER BY a.id DESC LIMIT ") + value(asked.limit, "bigint"))


async def _between(pool: Pool, asked: Asked, after: int, last: int) -> Sequence[Row]:
    bounds = raw(" AND a.id > ") + value(after, "bigint") + raw(" AND a.id <= ") + value(last, "bigint")
    order = raw(" ORDER BY a.id LIMIT ") + value(ROWS_AT_ONCE, "bigint")
    return await _fetch(pool, _WHOLE + asked.where + bounds + order)


async def _fetch(pool: Pool, sql: Sql) -> Sequence[Row]:
    with as_api_errors():
        return await pool.fetch(Statement.of(sql))


def _json(found: Any) -> Response:
    return Response(body=msgspec.json.encode(found), headers=((b"cache-control", b"no-store"),))


AUDIT_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=list_entries,
        summary="Who did what, the newest first",
        tag="audit",
        parameters=(
            *_FILTERS,
            Parameter("limit", f"How many: {LISTED}.", {"type": "integer", "minimum": 1, "maximum": MOST_LISTED}),
        ),
        answer=_LIST,
    ),
    Route(
        method="GET",
        path=PATH + "/export",
        handler=export_entries,
        summary="All of it, as lines of JSON",
        description="The oldest first: one entry a line, with what changed. It is sent as it is read.",
        tag="audit",
        parameters=_FILTERS,
    ),
    Route(
        method="GET",
        path=PATH + "/{id}",
        handler=view_entry,
        summary="One entry, with what changed",
        tag="audit",
        answer=_ENTRY,
    ),
)
