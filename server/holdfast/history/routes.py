"""The history of a record over HTTP."""

from typing import Final

import msgspec

from holdfast.audit.author import Author
from holdfast.engine import Engine
from holdfast.history import listing, redaction
from holdfast.history.listing import MAX_VERSIONS
from holdfast.history.revert import revert
from holdfast.history.seeing import place_of
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import ANY, OBJECT, Parameter, Route, Schema
from holdfast.records.query import PER_PAGE
from holdfast.records.retry import with_retries

RECORD: Final = "/api/collections/{collection}/records/{id}"
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 1}
_COUNT: Final[Schema] = {"type": "integer"}
_TEXT: Final[Schema] = {"type": "string"}
_VERSION: Final[Schema] = {
    "type": "object",
    "required": ["version", "at", "action", "changed", "record"],
    "properties": {
        "version": {"type": "integer", "minimum": 0, "description": "What revert takes."},
        "seq": {"type": ["integer", "null"], "description": "Of the event, in the log."},
        "at": {"type": "string", "description": "When."},
        "action": {"enum": ["first", "created", "updated", "deleted", "restored", "redacted"]},
        "actor": {"type": ["object", "null"], "properties": dict.fromkeys(("kind", "collection", "id"), _TEXT)},
        "requestId": _TEXT,
        "changed": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"before": ANY, "after": ANY}},
        },
        "redacted": {"type": "array", "items": _TEXT},
        "record": {"type": ["object", "null"]},
    },
}


async def list_history(engine: Engine, request: Request) -> Response:
    """A page of the versions of a record."""
    found = await with_retries(engine, listing.list_versions, engine, request)
    return Response(body=msgspec.json.encode(found))


async def revert_record(engine: Engine, request: Request) -> Response:
    """Write a version back."""
    return await with_retries(engine, revert, engine, request)


async def redact_record(engine: Engine, request: Request) -> Response:
    """Wipe values out of the versions and the events of a record."""
    body = await request.object()
    done = await redaction.redact(engine, Author.of(request), place_of(engine, request), body)
    return Response(body=msgspec.json.encode(done))


HISTORY_ROUTES: Final = (
    Route(
        method="GET",
        path=RECORD + "/history",
        handler=list_history,
        summary="The versions of a record, the newest first",
        description="For whoever may view the record now; those of a deleted one are for superusers.",
        tag="history",
        access="anyone",
        parameters=(
            Parameter("page", "Which page, from 1.", {**_WHOLE, "default": 1}),
            Parameter("perPage", "Versions on a page.", {**_WHOLE, "maximum": MAX_VERSIONS, "default": PER_PAGE}),
        ),
        answer={
            "type": "object",
            "required": ["items", "page", "perPage", "totalItems", "totalPages"],
            "properties": {
                "items": {"type": "array", "items": _VERSION},
                **dict.fromkeys(("page", "perPage", "totalItems", "totalPages"), _COUNT),
            },
        },
        errors=(403, 503),
    ),
    Route(
        method="POST",
        path=RECORD + "/revert",
        handler=revert_record,
        summary="Write a version of a record back",
        description="It is an update like any other, or a create if the record is gone.",
        tag="history",
        access="anyone",
        parameters=(Parameter("If-Match", "The ETag of the record as it is now.", place="header"),),
        body={
            "type": "object",
            "required": ["version"],
            "properties": {
                "version": {"type": "integer", "minimum": 0},
                "values": {**OBJECT, "description": "Fields that get these values, and not the version's."},
            },
        },
        answer={**OBJECT, "description": "The record as it is now."},
        errors=(403, 409, 412, 422, 503),
    ),
    Route(
        method="POST",
        path=RECORD + "/redact",
        handler=redact_record,
        summary="Wipe values out of a record's past",
        description="Out of its versions, its events and what is to be delivered of them. The record stays as it is.",
        tag="history",
        body={
            "type": "object",
            "properties": {
                "fields": {"type": "array", "items": _TEXT, "minItems": 1},
                "all": {"type": "boolean"},
            },
        },
        answer={"type": "object", "properties": {"versions": _COUNT, "events": _COUNT}},
    ),
)
