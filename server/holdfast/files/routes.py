"""`/api/files`: the files themselves, tokens for protected ones, and how much there is."""

from typing import Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import Problem, Unauthenticated, ValidationFailed
from holdfast.files.check import MOST_SHOWN, check_files
from holdfast.files.listing import MOST, SORTS, USUAL, list_files, read_listing
from holdfast.files.serving import get_file
from holdfast.files.thumb import FORMATS
from holdfast.files.thumbs import Thumbs
from holdfast.files.token import make_file_token
from holdfast.files.upload_routes import UPLOAD_ROUTES
from holdfast.files.usage import Usage, usage
from holdfast.http.places import Places
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route, Schema

_encode: Final = msgspec.json.encode
_COUNT: Final[Schema] = {"type": "integer"}
_COUNTS: Final = dict.fromkeys(("files", "bytes", "unused", "unusedBytes", "thumbs", "thumbBytes"), _COUNT)
_TEXT: Final[Schema] = {"type": "string"}
_CHOICES: Final = ("mend", "anywhere")


async def post_token(engine: Engine, request: Request) -> Response:
    """A token for the protected files that the caller may view."""
    if request.principal.kind == "guest":
        raise Unauthenticated
    return Response(body=_encode({"token": await make_file_token(engine, request.principal)}))


async def post_check(engine: Engine, request: Request, places: Places) -> Response:
    """Compare the stored files with the records that hold them, and mend what can be mended if that is asked for."""
    body = await request.object()
    wrong = {
        key: Problem("validation_unknown_key", "There is no such key here.") for key in body.keys() - set(_CHOICES)
    }
    for key in _CHOICES:
        if not isinstance(body.get(key, False), bool):
            wrong[key] = Problem("validation_invalid_value", "Has to be true or false.")
    if wrong:
        raise ValidationFailed(wrong)
    mend, anywhere = (body.get(key) is True for key in _CHOICES)
    with places.one(), as_api_errors():
        return Response(body=_encode(await check_files(engine, mend=mend, anywhere=anywhere)))


async def show_files(engine: Engine, request: Request) -> Response:
    """A page of the files that there are."""
    return Response(body=_encode(await list_files(engine, read_listing(request.query))))


async def show_usage(engine: Engine, request: Request) -> Response:
    """How much the files of each collection take."""
    found: Usage = await usage(engine)
    return Response(body=_encode(found))


_TOKEN: Final = Route(
    method="POST",
    path="/api/files/token",
    handler=post_token,
    summary="A short-lived token that opens protected files",
    tag="files",
    access="anyone",
    answer={"type": "object", "required": ["token"], "properties": {"token": _TEXT}},
)
_USAGE: Final = Route(
    method="GET",
    path="/api/files/usage",
    handler=show_usage,
    summary="How much the files of each collection take",
    tag="files",
    answer={
        "type": "object",
        "required": [*_COUNTS, "collections"],
        "properties": {
            **_COUNTS,
            "collections": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["collectionId", "collectionName", *_COUNTS],
                    "properties": {"collectionId": _TEXT, "collectionName": _TEXT, **_COUNTS},
                },
            },
        },
    },
)
_KEYS: Final[Schema] = {"type": "array", "items": _TEXT, "maxItems": MOST_SHOWN}
_CHECKED: Final[Schema] = {
    "type": "object",
    "required": ["objects", "bytes", "orphans", "strays", "lost", "unheld", "unknown", "mended", "deleted"],
    "properties": {
        **dict.fromkeys(("objects", "bytes", "orphans", "strays", "lost", "unheld", "unknown"), _COUNT),
        "mended": {"type": "boolean"},
        "deleted": {"type": "boolean", "description": "Whether the orphans were deleted."},
        **dict.fromkeys(("orphanKeys", "strayKeys", "lostKeys", "unheldKeys", "unknownKeys"), _KEYS),
    },
}
_LISTED: Final[Schema] = {
    "type": "object",
    "required": ["items", "page", "more"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["collectionId", "collectionName", "recordId", "field", "name", "size", "mediaType"],
                "properties": {
                    **dict.fromkeys(("collectionId", "collectionName", "recordId", "field", "name"), _TEXT),
                    "size": _COUNT,
                    "mediaType": _TEXT,
                    "created": _TEXT,
                    "unused": {"type": "boolean", "description": "No record holds it: it goes when its grace is over."},
                },
            },
        },
        "page": _COUNT,
        "more": {"type": "boolean", "description": "Whether there is a next page."},
    },
}
_LIST: Final = Route(
    method="GET",
    path="/api/files",
    handler=show_files,
    summary="The files that there are",
    tag="files",
    parameters=(
        Parameter("collection", "Only those of this collection."),
        Parameter("name", "Only those in whose name this stands."),
        Parameter("unused", "Only those that no record holds, or that one does.", {"type": "boolean"}),
        Parameter("sort", "In which order.", {"enum": list(SORTS)}),
        Parameter("page", "Which page, from 1.", {"type": "integer", "minimum": 1}),
        Parameter("perPage", f"How many: {USUAL}.", {"type": "integer", "minimum": 1, "maximum": MOST}),
    ),
    answer=_LISTED,
)
_PARAMETERS: Final = (
    Parameter("token", "For a protected file: what POST /api/files/token answers."),
    Parameter("download", "1 to have it saved, and not shown, by a browser."),
    Parameter("thumb", "The size of a small picture, one of the field's thumbs or 100x100. Any other gives the file."),
    Parameter("format", "The format of the small picture, if not that of the picture.", {"enum": list(FORMATS)}),
    Parameter("Range", "A part of the file, such as bytes=0-1023.", place="header"),
)


def file_routes(thumbs: Thumbs) -> tuple[Route, ...]:
    """The routes of a process that has its small pictures made by `thumbs`."""

    async def get(engine: Engine, request: Request) -> Response:
        return await get_file(engine, request, thumbs)

    file = Route(
        method="GET",
        path="/api/files/{collection}/{record}/{file}",
        handler=get,
        summary="A file of a record, or a part of it",
        description="Takes Range, If-Range, If-None-Match and If-Modified-Since. Not found, too, is what is hidden.",
        tag="files",
        access="anyone",
        parameters=_PARAMETERS,
        errors=(416, 503),
    )
    return (file, _TOKEN, _LIST, _USAGE, _check_route(Places(1, "checks of the files")), *UPLOAD_ROUTES)


def _check_route(places: Places) -> Route:
    async def check(engine: Engine, request: Request) -> Response:
        return await post_check(engine, request, places)

    return Route(
        method="POST",
        path="/api/files/check",
        handler=check,
        summary="Compare the stored files with the records that hold them",
        description="Reads the whole storage: seconds for 100,000 files on a disk, and minutes in a bucket.",
        tag="files",
        body={"type": "object", "properties": {key: {"type": "boolean"} for key in _CHOICES}},
        body_required=False,
        answer=_CHECKED,
        errors=(503,),
    )
