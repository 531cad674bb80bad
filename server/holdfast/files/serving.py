"""What goes out for a file: its bytes or a part of them, and headers that let a browser do no harm with it."""

import hashlib
from collections.abc import AsyncGenerator
from typing import Final

from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.files.finding import NO_FILE, Found, find_file
from holdfast.files.ranges import NoSuchPart, Part, http_date, is_unchanged, wanted_part
from holdfast.http.request import Request
from holdfast.http.response import Poured, Response
from holdfast.storage.storage import Missing

# What a browser shows without running anything that the file brings. A page, an SVG or a script is saved instead; as
# the source of an <img> an SVG is shown all the same, and runs nothing there.
INLINE: Final = frozenset(
    (
        "application/pdf",
        "audio/aac",
        "audio/flac",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/heic",
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/x-icon",
        "text/plain",
        "video/mp4",
        "video/ogg",
        "video/quicktime",
        "video/webm",
    )
)
_POLICY: Final = (
    b"content-security-policy",
    b"default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox",
)
# A name never gets other bytes: whoever has a file may keep it.
_KEPT: Final = (b"cache-control", b"public, max-age=2592000, stale-while-revalidate=86400")
_PRIVATE: Final = (b"cache-control", b"private, no-cache")
TRUE: Final = frozenset(("1", "t", "T", "true", "TRUE", "True"))


async def get_file(engine: Engine, request: Request) -> Response:
    """The file, a part of it, or 304."""
    found = await find_file(engine, request)
    tag = b'"' + hashlib.sha256(found.key.encode()).hexdigest()[:32].encode() + b'"'
    headers = _headers(request, found, tag)
    if is_unchanged(request, tag, found.created):
        return Response(304, headers=headers)
    try:
        part = wanted_part(request, found.size, tag, found.created)
    except NoSuchPart:
        return Response(416, headers=((b"content-range", b"bytes */%d" % found.size), *headers))
    if part is None:
        return await _answer(engine, request, found, Part(0, found.size), headers)
    shown = b"bytes %d-%d/%d" % (part.start, part.end - 1, found.size)
    return await _answer(engine, request, found, part, ((b"content-range", shown), *headers))


async def _answer(
    engine: Engine, request: Request, found: Found, part: Part, headers: tuple[tuple[bytes, bytes], ...]
) -> Poured:
    status = 200 if headers[0][0] != b"content-range" else 206
    size = part.end - part.start
    kind = found.media_type.encode("latin-1", "replace")
    content_type = kind + b"; charset=utf-8" if kind == b"text/plain" else kind
    if request.scope["method"] == "HEAD" or not size:
        return Poured(status, headers=headers, content_type=content_type, size=size, pieces=_nothing)
    pieces = engine.storage.read(found.key, part.start, part.end)
    try:
        first = await anext(pieces)
    except (Missing, StopAsyncIteration):
        # The register has it and the storage has not: `holdfast files check` tells of it.
        raise NotFound(NO_FILE) from None

    async def all_pieces() -> AsyncGenerator[bytes, None]:
        yield first
        async for piece in pieces:
            yield piece

    return Poured(status, headers=headers, content_type=content_type, size=size, pieces=all_pieces)


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


def _headers(request: Request, found: Found, tag: bytes) -> tuple[tuple[bytes, bytes], ...]:
    inline = found.media_type in INLINE and request.query.get("download", "") not in TRUE
    disposition = b"inline" if inline else b"attachment"
    found_headers = [
        (b"content-disposition", disposition + b'; filename="' + found.name.encode("ascii", "replace") + b'"'),
        (b"etag", tag),
        (b"last-modified", http_date(found.created)),
        (b"accept-ranges", b"bytes"),
        _POLICY,
    ]
    if found.field.protected:
        found_headers.append(_PRIVATE)
    elif b"authorization" not in request.headers and b"x-api-key" not in request.headers:
        found_headers.append(_KEPT)
    return tuple(found_headers)
