"""`/api/jobs`: what is to be done, is being done, was done, and was given up."""

from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.background import job_service as service
from holdfast.background.job_query import LISTED, MOST_LISTED, STATES, read_job_query
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Parameter, Route, Schema
from holdfast.http.selection import read_plain_fields, select
from holdfast.jobs.job import PRIORITIES
from holdfast.jobs.state import MOST_COUNTED, MOST_WAITING
from holdfast.schema.role import CHANGE_JOBS, VIEW_JOBS

PATH: Final = "/api/jobs"
ONE: Final = PATH + "/{id}"
_TEXT: Final[Schema] = {"type": "string"}
_JOB: Final[Schema] = {
    "type": "object",
    "required": [
        "id",
        "name",
        "plugin",
        "state",
        "priority",
        "key",
        "attempts",
        "maxAttempts",
        "error",
        "request",
        "created",
        "runAt",
        "started",
        "finished",
        "payload",
    ],
    "properties": {
        "id": _TEXT,
        "name": {"type": "string", "description": "PLUGIN.NAME, or the name of a job of the server."},
        "plugin": {"type": "string", "description": "Empty for the server's own."},
        "state": {"enum": list(STATES)},
        "priority": {"enum": list(PRIORITIES)},
        "key": _TEXT,
        "attempts": {"type": "integer", "description": "How often it was begun."},
        "maxAttempts": {"type": "integer", "description": "0 where no plugin that is on has such a job."},
        "error": {"type": "string", "description": "Of the last attempt that failed."},
        "request": {"type": "string", "description": "The id of the request that promised it."},
        "created": _TEXT,
        "runAt": {"type": "string", "description": "Of one that waits: when it is due."},
        "started": _TEXT,
        "finished": _TEXT,
        "payload": {"description": "Null for the server's own."},
    },
}
_STATS: Final[Schema] = {
    "type": "object",
    "required": ["waiting", "dead", "oldestReadySeconds"],
    "properties": {
        "waiting": {"type": "integer", "description": f"Counted up to {MOST_WAITING:,}."},
        "dead": {"type": "integer", "description": f"Counted up to {MOST_COUNTED:,}."},
        "oldestReadySeconds": {"type": "number", "description": "For how long the oldest that is due has waited."},
    },
}
_FIELDS: Final = Parameter("fields", "Which keys go out, with commas between them.")


async def list_jobs(engine: Engine, request: Request) -> Response:
    """The jobs."""
    return _answer(request, await service.list_jobs(engine, read_job_query(request.query)))


async def view_job(engine: Engine, request: Request) -> Response:
    """One job."""
    return _answer(request, await service.view_job(engine, request.params["id"]))


async def job_stats(engine: Engine, request: Request) -> Response:
    """How the queue is doing."""
    return _answer(request, await service.job_stats(engine))


async def retry_job(engine: Engine, request: Request) -> Response:
    """Do a job again."""
    return _answer(request, await service.retry_job(engine, Author.of(request), request.params["id"]))


async def run_job(engine: Engine, request: Request) -> Response:
    """Start a job now."""
    return _answer(request, await service.run_job(engine, Author.of(request), request.params["id"]))


async def cancel_job(engine: Engine, request: Request) -> Response:
    """Take a job away."""
    await service.cancel_job(engine, Author.of(request), request.params["id"])
    return NO_CONTENT


def _answer(request: Request, found: dict[str, Any]) -> Response:
    return Response(body=select(msgspec.json.encode(found), read_plain_fields(request.query.get("fields", ""))))


JOB_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        operation=VIEW_JOBS,
        handler=list_jobs,
        summary="List the jobs",
        description="The newest first; go on with before= and the `next` of the answer.",
        tag="jobs",
        parameters=(
            Parameter("state", "Only those in this state.", {"enum": list(STATES)}),
            Parameter("plugin", "Only those of this plugin."),
            Parameter("name", "Only those of this name, such as shop.receipt."),
            Parameter("limit", f"How many: {LISTED}, at most {MOST_LISTED}.", {"type": "integer"}),
            Parameter("before", "The `next` of another answer."),
            _FIELDS,
        ),
        answer={
            "type": "object",
            "required": ["items", "next"],
            "properties": {"items": {"type": "array", "items": _JOB}, "next": {"type": ["string", "null"]}},
        },
    ),
    Route(
        method="GET",
        path=PATH + "/stats",
        operation=VIEW_JOBS,
        handler=job_stats,
        summary="How the queue is doing",
        tag="jobs",
        answer=_STATS,
    ),
    Route(
        method="GET",
        path=ONE,
        operation=VIEW_JOBS,
        handler=view_job,
        summary="View a job",
        tag="jobs",
        parameters=(_FIELDS,),
        answer=_JOB,
    ),
    Route(
        method="POST",
        path=ONE + "/retry",
        operation=CHANGE_JOBS,
        handler=retry_job,
        summary="Do a job again",
        description="One that is dead, with all its attempts before it, or a copy of one that is done.",
        tag="jobs",
        answer=_JOB,
        errors=(409,),
    ),
    Route(
        method="POST",
        path=ONE + "/run",
        operation=CHANGE_JOBS,
        handler=run_job,
        summary="Start a job now",
        description="One that waits for its time, or to be tried again.",
        tag="jobs",
        answer=_JOB,
    ),
    Route(
        method="DELETE",
        path=ONE,
        operation=CHANGE_JOBS,
        handler=cancel_job,
        summary="Cancel a job, or forget it",
        description="One that runs is ended within some seconds.",
        tag="jobs",
        status=204,
    ),
)
