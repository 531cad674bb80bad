"""`/api/workers`: the processes of all servers that share the database."""

from typing import Final

import msgspec

from holdfast.background.worker_service import DEAD_SECONDS, SHOWN_HOURS, list_workers
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Route, Schema
from holdfast.schema.role import VIEW_JOBS

PATH: Final = "/api/workers"
_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer"}
_SOME: Final[Schema] = {"type": ["integer", "null"]}
_JOB: Final[Schema] = {
    "type": "object",
    "required": ["id", "name", "started"],
    "properties": {"id": _TEXT, "name": _TEXT, "started": _TEXT},
}
_PROPERTIES: Final[dict[str, Schema]] = {
    "id": _TEXT,
    "role": {"enum": ["serve", "worker"]},
    "host": _TEXT,
    "pid": _WHOLE,
    "worker": {"type": "integer", "description": "Its number among those of its server, from 1."},
    "version": _TEXT,
    "background": {"type": "boolean", "description": "Whether it does jobs and what else is done behind requests."},
    "state": {"enum": ["alive", "dead", "ended"]},
    "started": _TEXT,
    "seen": {"type": "string", "description": "Its last sign of life."},
    "ended": {"type": "string", "description": "When it said that it ends; empty if it did not."},
    "jobs": {"type": "array", "items": _JOB, "description": "The first 50 that it was at when it was last seen."},
    "jobCount": _WHOLE,
    "memory": {"type": ["integer", "null"], "description": "Bytes."},
    "lines": {"type": "integer", "description": "Realtime lines."},
    "connections": {"type": "integer", "description": "Database connections that worked for somebody."},
    "diskFree": {**_SOME, "description": "Bytes, where its data directory is."},
    "diskSize": _SOME,
}
_ANSWER: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "items": {"type": "object", "required": list(_PROPERTIES), "properties": _PROPERTIES},
        }
    },
}


async def workers(engine: Engine, _: Request) -> Response:
    """The processes."""
    found = await list_workers(engine)
    return Response(body=msgspec.json.encode({"items": found}), headers=((b"cache-control", b"no-store"),))


WORKER_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        operation=VIEW_JOBS,
        handler=workers,
        summary="Which processes there are, and what they do",
        description=f"Those that were seen in the last {SHOWN_HOURS} hours. One that has given no sign of life for "
        f"{DEAD_SECONDS:g} seconds and did not say that it ends is dead.",
        tag="jobs",
        answer=_ANSWER,
    ),
)
