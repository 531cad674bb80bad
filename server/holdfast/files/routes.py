"""`/api/files`: the files themselves, tokens for protected ones, and how much there is."""

from typing import Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import Unauthenticated
from holdfast.files.serving import get_file
from holdfast.files.thumb import FORMATS
from holdfast.files.thumbs import Thumbs
from holdfast.files.token import make_file_token
from holdfast.files.upload_routes import UPLOAD_ROUTES
from holdfast.files.usage import Usage, usage
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route, Schema

_encode: Final = msgspec.json.encode
_COUNT: Final[Schema] = {"type": "integer"}
_COUNTS: Final = {"files": _COUNT, "bytes": _COUNT, "unused": _COUNT, "unusedBytes": _COUNT}
_TEXT: Final[Schema] = {"type": "string"}


async def post_token(engine: Engine, request: Request) -> Response:
    """A token for the protected files that the caller may view."""
    if request.principal.kind == "guest":
        raise Unauthenticated
    return Response(body=_encode({"token": await make_file_token(engine, request.principal)}))


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
        "properties": {
            **_COUNTS,
            "collections": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"collectionId": _TEXT, "collectionName": _TEXT, **_COUNTS},
                },
            },
        },
    },
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
    return (file, _TOKEN, _USAGE, *UPLOAD_ROUTES)
