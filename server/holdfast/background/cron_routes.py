"""`/api/crons` as PocketBase has it: what runs at certain times, and a run right now."""

from typing import Final

import msgspec

from holdfast.audit.author import Author
from holdfast.background import cron_service as service
from holdfast.background.sweep_job import SweepsOf
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Parameter, Route, Schema
from holdfast.http.selection import read_plain_fields, select
from holdfast.schema.role import CHANGE_JOBS, VIEW_JOBS

PATH: Final = "/api/crons"
_CRON: Final[Schema] = {
    "type": "object",
    "required": ["id", "expression", "timezone", "plugin", "nextRun", "nextRuns", "lastRun"],
    "properties": {
        "id": {"type": "string"},
        "expression": {"type": "string"},
        "timezone": {"type": "string"},
        "plugin": {"type": "string", "description": "Whose it is; empty for the server's own."},
        "nextRun": {"type": "string"},
        "nextRuns": {"type": "array", "items": {"type": "string"}, "description": "The next five."},
        "lastRun": {"type": "string", "description": "Empty if there was none, and for the server's own."},
    },
}


def cron_routes(sweeps_of: SweepsOf) -> tuple[Route, ...]:
    """The routes of a process that clears these things away."""

    async def list_crons(engine: Engine, request: Request) -> Response:
        wanted = read_plain_fields(request.query.get("fields", ""))
        found = await service.list_crons(engine, sweeps_of(engine))
        return Response(body=select(msgspec.json.encode(found), wanted))

    async def run_cron(engine: Engine, request: Request) -> Response:
        await service.run_cron(engine, Author.of(request), request.params["id"], sweeps_of(engine))
        return NO_CONTENT

    return (
        Route(
            method="GET",
            path=PATH,
            operation=VIEW_JOBS,
            handler=list_crons,
            summary="List the schedules",
            description="Those of plugins that are on, then the server's own, whose ids begin with `__hf_`.",
            tag="crons",
            parameters=(Parameter("fields", "Which keys go out, with commas between them."),),
            answer={"type": "array", "items": _CRON},
        ),
        Route(
            method="POST",
            path=PATH + "/{id}",
            operation=CHANGE_JOBS,
            handler=run_cron,
            summary="Run a schedule now",
            description="It is done as a job, beside its times: see /api/jobs. 409 while it runs.",
            tag="crons",
            status=204,
            errors=(409, 503),
        ),
    )
