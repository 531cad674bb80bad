"""The routes of changes of many records that are done as jobs."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.http.idempotency import once
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import OBJECT, Route, Schema
from holdfast.records import bulk_store as store
from holdfast.records.bulk_job import cancel_many, count_many, promise_many
from holdfast.records.bulk_reading import read_bulk_job
from holdfast.records.bulk_route import ASKED, COUNT, DONE, FLAG, TEXT
from holdfast.records.bulk_store import BulkState
from holdfast.records.retry import with_retries
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection

BULKS: Final = "/api/collections/{collection}/bulks"
ONE: Final = BULKS + "/{id}"
_NO_DRY_RUN: Final = Problem("validation_not_allowed", "A job has no dry run: ask for its count.")
_encode: Final = msgspec.json.encode


async def count(engine: Engine, request: Request) -> Response:
    """Count what a job would write."""
    body = await request.object()
    collection = _collection(engine, request)
    return Response(
        body=_encode(await count_many(engine, collection, Facts.of(request), read_bulk_job(collection, body)))
    )


async def post_bulk_job(engine: Engine, request: Request) -> Response:
    """Promise a change."""
    body = await request.object()

    async def run(tx: Transaction | None) -> Response:
        collection = _collection(engine, request)
        asked = read_bulk_job(collection, body)
        if asked.dry_run:
            raise ValidationFailed({"dryRun": _NO_DRY_RUN})
        where = None if asked.ids is not None else cast("Mapping[str, Any]", body["where"])
        state = await promise_many(engine, collection, Facts.of(request), asked, where, tx)
        place = f"/api/collections/{collection.name}/bulks/{state.id}".encode()
        return Response(202, _encode(state), ((b"location", place),))

    return await with_retries(engine, once, engine.pool, request, body, run)


async def list_bulk_jobs(engine: Engine, request: Request) -> Response:
    """The last changes of a collection."""
    return Response(body=_encode({"items": await store.listed(engine.pool, _collection(engine, request).id)}))


async def list_running(engine: Engine, request: Request) -> Response:
    """The changes that run now."""
    by_id = engine.catalog.by_id
    found = [(by_id.get(id), one) for id, one in await store.running(engine.pool)]
    items = [{"collection": "" if it is None else it.name, "bulk": one} for it, one in found]
    return Response(body=_encode({"items": items}))


async def get_bulk_job(engine: Engine, request: Request) -> Response:
    """How far a change is."""
    return Response(body=_encode(await _find(engine, request)))


async def delete_bulk_job(engine: Engine, request: Request) -> Response:
    """End a change that runs."""
    await cancel_many(engine, Facts.of(request), (await _find(engine, request)).id)
    return NO_CONTENT


def _collection(engine: Engine, request: Request) -> Collection:
    collection = engine.catalog.get(request.params["collection"])
    request.collection = collection.name
    return collection


async def _find(engine: Engine, request: Request) -> BulkState:
    collection = _collection(engine, request)
    of, _, state = await store.find(engine.pool, request.params["id"])
    if of != collection.id:
        raise NotFound
    return state


TOLD: Final[Schema] = {
    "type": "object",
    "required": ["id", "outcome", "field", "code", "message"],
    "properties": {
        "outcome": {"enum": ["skipped", "failed"]},
        **dict.fromkeys(("id", "field", "code", "message"), TEXT),
    },
}
COUNTS: Final = dict.fromkeys(("matched", "done", "skipped", "failed", "left"), COUNT)
_MAYBE: Final[Schema] = {"anyOf": [OBJECT, {"type": "null"}]}
_STATE: Final[Schema] = {
    "type": "object",
    "required": ["id", "state", "delete", "action", "where", "set", *COUNTS, "told", "message", "started", "ended"],
    "properties": {
        "id": TEXT,
        "state": {"enum": ["running", "done", "failed", "cancelled"]},
        "delete": FLAG,
        "action": {"type": "string", "description": "The action of a plugin that is done to them; else empty."},
        "where": _MAYBE,
        "set": _MAYBE,
        **COUNTS,
        "told": {"type": "array", "items": TOLD},
        "message": TEXT,
        "started": TEXT,
        "ended": TEXT,
    },
}
_ASKED: Final[Schema] = {
    **ASKED,
    "properties": {**ASKED["properties"], "action": {"type": "string", "description": "In place of set and delete."}},
}
_TAG: Final = "records"

BULK_JOB_ROUTES: Final = (
    Route(
        method="POST",
        path=BULKS,
        handler=post_bulk_job,
        summary="Change or delete many records as a job",
        description="Each record by itself: what cannot be written is told, and keeps nothing else from being written.",
        tag=_TAG,
        body=_ASKED,
        answer=_STATE,
        status=202,
        errors=(412, 503),
    ),
    Route(
        method="POST",
        path=BULKS + "/count",
        handler=count,
        summary="Count the records that such a job would write",
        description="Writes nothing; of a delete also what hangs on them, one step far.",
        tag=_TAG,
        body=_ASKED,
        answer=DONE,
    ),
    Route(
        method="GET",
        path=BULKS,
        handler=list_bulk_jobs,
        summary="The last such jobs of a collection",
        tag=_TAG,
        answer={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": _STATE}}},
    ),
    Route(
        method="GET",
        path="/api/bulks",
        handler=list_running,
        summary="Such jobs that run, of all collections",
        tag=_TAG,
        answer={
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["collection", "bulk"],
                        "properties": {"collection": TEXT, "bulk": _STATE},
                    },
                }
            },
        },
    ),
    Route(
        method="GET",
        path=ONE,
        handler=get_bulk_job,
        summary="Such a job: how far it is, or what came of it",
        tag=_TAG,
        answer=_STATE,
    ),
    Route(
        method="DELETE",
        path=ONE,
        handler=delete_bulk_job,
        summary="End such a job",
        description="What it has written stays.",
        tag=_TAG,
        status=204,
        errors=(409,),
    ),
)
