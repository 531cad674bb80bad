"""`POST /api/sql`, for superusers and who may read by it, where the operator has turned it on."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import BadRequest
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import ANY, Route, Schema
from holdfast.schema.role import READ_SQL
from holdfast.sql_console.asked import MAX_CHARS, MAX_ROWS, MAX_SECONDS, read_asked
from holdfast.sql_console.line import ConsoleLines
from holdfast.sql_console.service import run_statement

PATH: Final = "/api/sql"
_TEXT: Final[Schema] = {"type": "string"}
_BODY: Final[Schema] = {
    "type": "object",
    "required": ["sql"],
    "properties": {
        "sql": {"type": "string", "maxLength": MAX_CHARS, "description": "One statement."},
        "mode": {"enum": ["read", "write"], "description": "read if absent."},
        "explain": {"enum": ["", "plan", "analyze"], "description": "Answer its plan instead."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_ROWS},
        "timeout": {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS, "description": "In seconds."},
        "commit": {"type": "integer", "minimum": 0, "description": "How many rows it has to change to stay."},
        "password": {"type": "string", "description": "Of the superuser, with commit."},
    },
}
_ANSWER: Final[Schema] = {
    "type": "object",
    "required": ["columns", "rows", "cut", "affected", "tag", "plan", "mode", "committed", "ms"],
    "properties": {
        "columns": {
            "type": "array",
            "items": {"type": "object", "required": ["name", "type"], "properties": {"name": _TEXT, "type": _TEXT}},
        },
        "rows": {"type": "array", "items": {"type": "array", "items": {"type": ["string", "null"]}}},
        "cut": {"enum": ["", "rows", "bytes"], "description": "Why there are more rows than these."},
        "affected": {"type": ["integer", "null"], "description": "Of a write: how many rows it changes."},
        "tag": _TEXT,
        "plan": ANY,
        "mode": _TEXT,
        "committed": {"type": "boolean"},
        "ms": {"type": "number"},
    },
}


def sql_routes(dsn: str) -> tuple[Route, ...]:
    """The route of a process that works on this database."""
    lines = ConsoleLines(dsn)

    async def run_sql(engine: Engine, request: Request) -> Response:
        asked = read_asked(await request.object())
        found = await _while_connected(request, run_statement(engine, lines, request, asked))
        body = msgspec.json.format(msgspec.json.encode(found), indent=-1)  # PostgreSQL writes plans over many lines
        return Response(body=body, headers=((b"cache-control", b"no-store"),))

    return (
        Route(
            method="POST",
            path=PATH,
            operation=READ_SQL,
            handler=run_sql,
            summary="Run one statement of SQL",
            description="As a role that only reads, or only writes records, and sees no secret; see the page on SQL.",
            tag="sql",
            body=_BODY,
            answer=_ANSWER,
            errors=(409, 413, 415, 429, 503),
        ),
    )


async def _while_connected(request: Request, work: Any) -> Any:
    """What comes of the work, which is ended when nobody waits for it any more."""
    running = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
        return await running
    except asyncio.CancelledError:
        raise BadRequest("The client has hung up.") from None
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _gone(request: Request) -> None:
    """Return when the client has hung up: that is all that can come after the body."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
