"""Imports and exports over HTTP."""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import BadRequest, UnsupportedMediaType, ValidationFailed
from holdfast.events.context import context_of
from holdfast.http.refusal import refusal
from holdfast.http.request import Request
from holdfast.http.response import JSON, NO_CONTENT, Response
from holdfast.http.routing import OBJECT, Parameter, Route, Schema, require_superuser
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection
from holdfast.transfer import store
from holdfast.transfer.asked import FORMATS, MODES, ON_ERROR, read_asked
from holdfast.transfer.dates import DATES
from holdfast.transfer.export_route import Exports
from holdfast.transfer.importing import Imported, import_records
from holdfast.transfer.job import make_job
from holdfast.transfer.report import as_data, sentence
from holdfast.transfer.sent import Sent, find_sent
from holdfast.transfer.undo import undo_import

RECORDS: Final = "/api/collections/{collection}/records"
IMPORTS: Final = "/api/collections/{collection}/imports"
ONE: Final = IMPORTS + "/{id}"
ANY_SIZE: Final = 1 << 60  # bytes
MOST_DRAINED: Final = 64 << 20  # bytes that are read after a refusal, so that the client gets to read it
_encode: Final = msgspec.json.encode


async def post_import(engine: Engine, request: Request) -> Response:
    """Import a file."""
    collection = _collection(engine, request)
    if b"idempotency-key" in request.headers:
        raise BadRequest("An import takes no Idempotency-Key: send it with mode=skip or mode=upsert to repeat it.")
    if request.header(b"content-encoding").lower() not in ("", "identity"):
        raise UnsupportedMediaType("Send the file as it is: the server unpacks nothing.")
    asked = read_asked(request.query, request.media_type)
    facts = Facts.of(request)
    context = context_of(request.principal, request.id, facts.hops, request.client if collection.is_auth else "")
    declared = request.header(b"content-length")
    size = int(declared) if declared.isdigit() else None
    sent = await _sent(engine, request, collection, size)
    job = make_job(engine, collection, facts, context, asked, size if sent is None else sent.size)
    if sent is not None:
        done = await import_records(engine, job, sent.pieces())
        if not done.stopped and not asked.dry_run:
            await sent.forget()
        return _answer(request, collection, done)
    request.allow_files(ANY_SIZE)
    body = _Body(request)
    try:
        done = await import_records(engine, job, body.pieces())
    finally:
        await body.drain()
    return _answer(request, collection, done)


async def _sent(engine: Engine, request: Request, collection: Collection, size: int | None) -> Sent | None:
    """The file that was sent before, where the request names one; else it is the body."""
    if "upload" not in request.query:
        return None
    if size != 0 and (size or b"transfer-encoding" in request.headers):
        raise BadRequest("The file was sent before: leave out the body, or `upload`.")
    return await find_sent(engine, request.principal, collection, request.query["upload"])


class _Body:
    """The body of a request, and what is left of it when nobody wants more."""

    def __init__(self, request: Request) -> None:
        self._chunks = request.chunks()
        self._at_end = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        async for chunk in self._chunks:
            yield chunk
        self._at_end = True

    async def drain(self) -> None:
        """Read the rest, up to MOST_DRAINED: most clients read no answer before they have sent all."""
        left = MOST_DRAINED
        try:
            while not self._at_end and left > 0:
                left -= len(await anext(self._chunks))
        except (StopAsyncIteration, BadRequest):
            return


def _answer(request: Request, collection: Collection, done: Imported) -> Response:
    """The report; with the shape of an error where a line has stopped the import."""
    report = {**msgspec.to_builtins(done.report), "importId": done.id}
    place = (b"location", f"/api/collections/{collection.name}/imports/{done.id}".encode())
    if not done.stopped:
        return Response(body=_encode(report), headers=(place,))
    first = done.report.errors[0]
    error = ValidationFailed(as_data(done.report.errors), f"{sentence(first)} Nothing was imported.")
    seen = refusal(error, request.id)
    body: dict[str, Any] = msgspec.json.decode(seen.body)
    return Response(seen.status, _encode({**body, **report}), (place,), JSON)


async def list_imports(engine: Engine, request: Request) -> Response:
    """The last imports of a collection: all for superusers, their own for others."""
    collection = _collection(engine, request)
    return Response(body=_encode(await store.listed(engine.pool, collection.id, _owner(request))))


async def list_running(engine: Engine, _: Request) -> Response:
    """The imports that run, of all collections that are still there."""
    known = engine.catalog.by_id
    found = await store.running(engine.pool)
    items = [{"collection": known[id].name, "import": state} for id, state in found if id in known]
    return Response(body=_encode({"items": items}))


async def get_import(engine: Engine, request: Request) -> Response:
    """How far an import has come, or what came of it."""
    collection = _collection(engine, request)
    state, _ = await store.find(engine.pool, collection.id, request.params["id"], _owner(request))
    return Response(body=_encode(state))


async def cancel_import(engine: Engine, request: Request) -> Response:
    """End an import that runs."""
    collection = _collection(engine, request)
    await store.find(engine.pool, collection.id, request.params["id"], _owner(request))
    await store.cancel(engine.pool, request.params["id"])
    return NO_CONTENT


async def post_undo(engine: Engine, request: Request) -> Response:
    """Take an import back."""
    collection = _collection(engine, request)
    context = context_of(request.principal, request.id, address=request.client if collection.is_auth else "")
    done = await undo_import(engine, request.principal, context, collection, request.params["id"])
    return Response(body=_encode(done))


def _collection(engine: Engine, request: Request) -> Collection:
    collection = engine.catalog.get(request.params["collection"])
    request.collection = collection.name
    return collection


def _owner(request: Request) -> str:
    """Whose imports the caller may see; empty for those of everybody."""
    who = request.principal
    if who.kind == "guest":
        require_superuser(who)
    return "" if who.is_superuser else who.key


_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer"}
_COUNTS: Final = dict.fromkeys(("read", "inserted", "updated", "skipped", "failed"), _COUNT)
_ERROR: Final[Schema] = {
    "type": "object",
    "properties": {"line": _COUNT, **dict.fromkeys(("column", "value", "code", "message"), _TEXT)},
}
_ERRORS: Final[Schema] = {"type": "array", "items": _ERROR}
_REPORT: Final[Schema] = {
    "type": "object",
    "required": [*_COUNTS, "errors", "importId"],
    "properties": {**_COUNTS, "errors": _ERRORS, "importId": _TEXT},
}
_STATE: Final[Schema] = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "state": {"enum": ["reading", "writing", "done", "stopped", "failed", "cancelled", "undone"]},
        "asked": OBJECT,
        "bytes": _COUNT,
        "size": {"type": ["integer", "null"]},
        **_COUNTS,
        "errors": _ERRORS,
        "message": _TEXT,
        "canUndo": {"type": "boolean"},
        "started": _TEXT,
        "ended": _TEXT,
    },
}
_FLAG: Final[Schema] = {"type": "boolean"}
_DELIMITER: Final = Parameter("delimiter", "Of CSV: comma, semicolon or tab.", {"enum": ["comma", "semicolon", "tab"]})


def transfer_routes() -> tuple[Route, ...]:
    """The routes of imports and exports of one process."""
    return (*_IMPORT_ROUTES, _export_route(Exports()))


_IMPORT_ROUTES: Final = (
    Route(
        method="POST",
        path=RECORDS + "/import",
        handler=post_import,
        summary="Import records from CSV, NDJSON or a JSON list",
        description="The body is the file, of any size. For superusers, and for roles with the permission.",
        tag="import and export",
        access="anyone",
        parameters=(
            Parameter("format", "What the file is, if Content-Type does not say it.", {"enum": list(FORMATS)}),
            Parameter("mode", "What becomes of records that are there, or are not.", {"enum": list(MODES)}),
            Parameter("key", "The field that tells which record is meant: id, or a unique one."),
            Parameter("onError", "Write nothing, or all that is right.", {"enum": list(ON_ERROR)}),
            Parameter("dryRun", "Do everything, and take it back.", _FLAG),
            Parameter("ignoreUnknown", "Leave out columns that name no field.", _FLAG),
            _DELIMITER,
            Parameter("guard", "Take the apostrophes before formulas off again.", {**_FLAG, "default": True}),
            Parameter("null", "Of CSV: the text that stands for null."),
            Parameter("hooks", "Ask plugins about every record.", {**_FLAG, "default": True}),
            Parameter("dates", "How dates are written: dmy is 20.11.2026, mdy 11/20/2026.", {"enum": list(DATES)}),
            Parameter("upload", "The id of a resumable upload that is the file, in place of the body."),
        ),
        answer=_REPORT,
        errors=(409, 415, 503),
    ),
    Route(
        method="GET",
        path=IMPORTS,
        handler=list_imports,
        summary="The last imports of a collection",
        description="All of them for superusers, for others those that they have begun.",
        tag="import and export",
        access="anyone",
        answer={"type": "array", "items": _STATE},
    ),
    Route(
        method="GET",
        path="/api/imports",
        handler=list_running,
        summary="The imports that run, of all collections",
        tag="import and export",
        answer={
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["collection", "import"],
                        "properties": {"collection": _TEXT, "import": _STATE},
                    },
                }
            },
        },
    ),
    Route(
        method="GET",
        path=ONE,
        handler=get_import,
        summary="An import: how far it is, or what came of it",
        tag="import and export",
        access="anyone",
        answer=_STATE,
    ),
    Route(
        method="DELETE",
        path=ONE,
        handler=cancel_import,
        summary="Cancel an import that runs",
        description="Nothing of it is written.",
        tag="import and export",
        access="anyone",
        status=204,
        errors=(409,),
    ),
    Route(
        method="POST",
        path=ONE + "/undo",
        handler=post_undo,
        summary="Take an import back",
        description="What it has made is deleted, what it has changed is put back; what was changed since is left.",
        tag="import and export",
        answer={"type": "object", "properties": dict.fromkeys(("deleted", "restored", "left"), _COUNT)},
        errors=(409,),
    ),
)


def _export_route(exports: Exports) -> Route:
    return Route(
        method="GET",
        path=RECORDS + "/export",
        handler=exports.get,
        summary="Export the records that the caller may list",
        description="CSV, NDJSON or a JSON list, of one moment, which can be imported again.",
        tag="import and export",
        access="anyone",
        parameters=(
            Parameter("format", "csv, ndjson, or json for a JSON list.", {"enum": list(FORMATS), "default": "csv"}),
            Parameter("filter", "Which records."),
            Parameter("sort", "In which order."),
            Parameter("fields", "Which fields, with commas between them."),
            Parameter("labels", "Relations as a field of their records: author.email, or * for all."),
            _DELIMITER,
            Parameter("guard", "Keep spreadsheets from taking texts for formulas.", {**_FLAG, "default": True}),
            Parameter("null", "Of CSV: the text that stands for null."),
            Parameter("bom", "Begin with a byte order mark, by which Excel knows UTF-8.", _FLAG),
        ),
        errors=(503,),
    )
