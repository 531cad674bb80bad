"""`/api/files/uploads`: resumable uploads by the tus protocol, so that any client of it will do."""

from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import ApiError, MethodNotAllowed
from holdfast.files.resumable import begin, give_up, go_on, mine
from holdfast.files.tus import (
    EXPOSED,
    EXTENSIONS,
    PIECE,
    RESUMABLE,
    VERSION,
    check_version,
    read_asked,
    write_metadata,
)
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route
from holdfast.storage.appending import CHECKSUMS
from holdfast.storage.pending import Pending

UPLOADS: Final = "/api/files/uploads"
UPLOAD: Final = UPLOADS + "/{upload}"
_NO_STORE: Final = (b"cache-control", b"no-store")
_encode: Final = msgspec.json.encode


class Shown(msgspec.Struct, frozen=True):
    """An upload as its owner sees it. A record takes it, when `offset` is `length`, by `upload:ID` as a file's name."""

    id: str
    collection: str
    field: str
    filename: str
    length: int
    offset: int
    expires: str


async def describe(_: Engine, request: Request) -> Response:
    """What of the protocol there is."""
    headers = (
        RESUMABLE,
        EXPOSED,
        (b"tus-version", VERSION.encode()),
        (b"tus-extension", EXTENSIONS.encode()),
        (b"tus-checksum-algorithm", ",".join(CHECKSUMS).encode()),
    )
    return Response(204, headers=headers)


async def create(engine: Engine, request: Request) -> Response:
    """Begin an upload, with its first bytes if they come along."""
    pending = await begin(engine, request.principal, read_asked(request))
    offset = 0
    location = f"{UPLOADS}/{pending.id}".encode()
    if request.media_type == PIECE:
        request.headers.setdefault(b"upload-offset", b"0")
        try:
            pending, offset = await go_on(engine, request, pending)
        except ApiError as failure:
            # The upload is there all the same, and the client may go on with it.
            failure.headers = {**failure.headers, "Location": location.decode()}
            raise
    return _answer(engine, 201, pending, offset, (b"location", location))


async def show(engine: Engine, request: Request) -> Response:
    """How far an upload has come."""
    pending, offset = await mine(engine, request.principal, request.params["upload"])
    said = {"filename": pending.original}
    headers = ((b"upload-length", b"%d" % pending.length), (b"upload-metadata", write_metadata(said)))
    return _answer(engine, 200, pending, offset, *headers)


async def add(engine: Engine, request: Request) -> Response:
    """Go on with an upload."""
    pending, _ = await mine(engine, request.principal, request.params["upload"])
    pending, offset = await go_on(engine, request, pending)
    return _answer(engine, 204, pending, offset)


async def end(engine: Engine, request: Request) -> Response:
    """Give an upload up."""
    pending, _ = await mine(engine, request.principal, request.params["upload"])
    await give_up(engine, pending)
    return Response(204, headers=(RESUMABLE, EXPOSED, _NO_STORE))


async def instead(engine: Engine, request: Request) -> Response:
    """For clients that can send nothing but POST: the method is in X-HTTP-Method-Override."""
    handlers = {"PATCH": add, "DELETE": end, "HEAD": show}
    handler = handlers.get(request.header(b"x-http-method-override").upper())
    if handler is None:
        raise MethodNotAllowed(headers={"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH"})
    return await handler(engine, request)


def _answer(engine: Engine, status: int, pending: Pending, offset: int, *more: tuple[bytes, bytes]) -> Response:
    expires = format_datetime(pending.expires, usegmt=True).encode()
    headers = (
        RESUMABLE,
        EXPOSED,
        _NO_STORE,
        (b"upload-offset", b"%d" % offset),
        (b"upload-expires", expires),
        *(header for header in more if header[1]),
    )
    if status == 204:
        return Response(204, headers=headers)
    collection = engine.catalog.by_id.get(pending.collection_id)
    field = None if collection is None else collection.by_id.get(pending.field_id)
    shown = Shown(
        id=pending.id,
        collection=collection.name if collection is not None else "",
        field=field.name if field is not None else "",
        filename=pending.original,
        length=pending.length,
        offset=offset,
        expires=pending.expires.strftime("%Y-%m-%d %H:%M:%S.000Z"),
    )
    return Response(status, _encode(shown), headers)


def _by_protocol(handler: Callable[[Engine, Request], Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    async def answer(engine: Engine, request: Request) -> Response:
        try:
            if request.scope["method"] != "GET":  # people and plain programs may look without it
                check_version(request)
            return await handler(engine, request)
        except ApiError as failure:
            failure.headers = {"Tus-Resumable": VERSION, **failure.headers}
            raise

    return answer


_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer"}
_SHOWN: Final = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("id", "collection", "field", "filename", "expires"), _TEXT),
        **dict.fromkeys(("length", "offset"), _COUNT),
    },
}
_TUS: Final = Parameter("Tus-Resumable", "The version of the protocol: 1.0.0.", place="header", required=True)
_OFFSET: Final = Parameter("Upload-Offset", "How many bytes have come.", _COUNT, place="header", required=True)
_CHECKSUM: Final = Parameter("Upload-Checksum", "What the bytes add up to: sha1 and Base64.", place="header")
_TAG: Final = "files"

UPLOAD_ROUTES: Final = (
    Route(
        method="OPTIONS",
        path=UPLOADS,
        handler=describe,
        summary="What of the tus protocol there is",
        tag=_TAG,
        access="anyone",
        status=204,
    ),
    Route(
        method="POST",
        path=UPLOADS,
        handler=_by_protocol(create),
        summary="Begin a resumable upload",
        description="By the tus protocol 1.0. Whoever could send the file in a form may begin one.",
        tag=_TAG,
        access="anyone",
        parameters=(
            _TUS,
            Parameter("Upload-Length", "How many bytes there will be.", _COUNT, place="header", required=True),
            Parameter(
                "Upload-Metadata",
                "Pairs of a key and a value in Base64: collection, field (or purpose: import) and filename.",
                place="header",
                required=True,
            ),
            _CHECKSUM,
        ),
        answer=_SHOWN,
        status=201,
        errors=(412, 413, 415, 429, 460, 503, 507),
    ),
    Route(
        method="GET",
        path=UPLOAD,
        handler=_by_protocol(show),
        summary="How far a resumable upload has come",
        tag=_TAG,
        access="anyone",
        answer=_SHOWN,
        errors=(412,),
    ),
    Route(
        method="PATCH",
        path=UPLOAD,
        handler=_by_protocol(add),
        summary="Go on with a resumable upload",
        description=f"The body is the next bytes, as {PIECE}.",
        tag=_TAG,
        access="anyone",
        parameters=(_TUS, _OFFSET, _CHECKSUM),
        status=204,
        errors=(409, 412, 413, 415, 460, 503),
    ),
    Route(
        method="DELETE",
        path=UPLOAD,
        handler=_by_protocol(end),
        summary="Give up a resumable upload",
        tag=_TAG,
        access="anyone",
        parameters=(_TUS,),
        status=204,
        errors=(412,),
    ),
    Route(
        method="POST",
        path=UPLOAD,
        handler=_by_protocol(instead),
        summary="The same as PATCH, DELETE or HEAD, for clients that can send nothing but POST",
        tag=_TAG,
        access="anyone",
        parameters=(
            _TUS,
            Parameter("X-HTTP-Method-Override", "PATCH, DELETE or HEAD.", place="header", required=True),
        ),
        errors=(405, 409, 412, 413, 415, 460, 503),
    ),
)
