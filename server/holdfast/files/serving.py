"""What goes out for a file: its bytes or a part of them, and headers that let a browser do no harm with it."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import quote

import msgspec

from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.files.finding import NO_FILE, Found, find_file
from holdfast.files.hooked import before_serve
from holdfast.files.thumbs import Thumbs, forget
from holdfast.http.ranges import NoSuchPart, Part, http_date, is_unchanged, wanted_part
from holdfast.http.request import Request
from holdfast.http.response import Opened, Poured, Response
from holdfast.plugin import FileServed
from holdfast.storage.disk import open_file, read_part
from holdfast.storage.media_type import INLINE
from holdfast.storage.storage import Missing

_POLICY: Final = (
    b"content-security-policy",
    b"default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox",
)
# A name never gets other bytes: whoever has a file may keep it.
_KEPT: Final = (b"cache-control", b"public, max-age=2592000, stale-while-revalidate=86400")
_PRIVATE: Final = (b"cache-control", b"private, no-cache")
# The picture itself went out for a small one that is not to be had now: next time it may be.
_ASK_AGAIN: Final = (b"cache-control", b"no-cache")
SMALL_BYTES: Final = 64 * 1024  # read in one go, and sent together with the headers
_UNQUOTABLE: Final = re.compile(r"[^ !#-\[\]-~]")  # in a quoted text of a header
TRUE: Final = frozenset(("1", "t", "T", "true", "TRUE", "True"))


class Content(msgspec.Struct, frozen=True):
    """What goes out: an object of the storage, under a name. `kept`: the same request always gets these bytes.

    `download`: a plugin, or the request, wants a browser to save it.
    """

    key: str
    name: str
    size: int
    media_type: str
    created: int
    protected: bool
    kept: bool = True
    download: bool = False

    @property
    def tag(self) -> bytes:
        """Its entity tag: other bytes have another one."""
        return b'"' + hashlib.sha256(f"{self.key}:{self.size}".encode()).hexdigest()[:32].encode() + b'"'


async def get_file(engine: Engine, request: Request, thumbs: Thumbs) -> Response:
    """The file or the small picture that was asked for, a part of it, or 304."""
    found = await find_file(engine, request)
    download = request.query.get("download", "") in TRUE
    served = await before_serve(engine, request, found, download=download)
    content = await _small(engine, found, thumbs) if found.asked is not None else None
    if content is not None:
        try:
            return await _answer(engine, request, _as_served(content, served, download=download))
        except Missing:
            # Taken from the storage behind our back, and easily made again by who asks next.
            assert found.asked is not None
            await forget(engine, found.original, found.asked)
            content = None
    original = found.original
    content = Content(
        key=original.key,
        name=original.name,
        size=original.size,
        media_type=original.media_type,
        created=found.created,
        protected=found.field.protected,
        kept=found.asked is None,
    )
    try:
        return await _answer(engine, request, _as_served(content, served, download=download))
    except Missing:
        # The register has it and the storage has not: `holdfast files check` tells of it.
        raise NotFound(NO_FILE) from None


def _as_served(content: Content, served: FileServed | None, *, download: bool) -> Content:
    """The content as plugins want it to go out; they are to be asked each time, so that nobody may keep it."""
    if served is None:
        return msgspec.structs.replace(content, download=download)
    name = served.filename if served.filename != served.name else content.name
    return msgspec.structs.replace(content, name=name, download=served.download, protected=True)


async def _small(engine: Engine, found: Found, thumbs: Thumbs) -> Content | None:
    """The small picture that is asked for, made if need be; None if it cannot be had."""
    asked, small = found.asked, found.small
    if asked is None or found.failed:
        return None
    if small is None:
        small = await thumbs.make(engine, found.original, asked)
    if small is None:
        return None
    return Content(
        key=small.key,
        name=asked.name(found.original.name),
        size=small.size,
        media_type=small.media_type,
        created=small.created,
        protected=found.field.protected,
    )


async def _answer(engine: Engine, request: Request, content: Content) -> Response:
    """The content, a part of it, 304 or 416. Raises Missing."""
    tag = content.tag
    headers = _headers(request, content, tag)
    if is_unchanged(request, tag, content.created):
        return Response(304, headers=headers)
    elsewhere = await _elsewhere(engine, request, content) if engine.settings.files_redirect_seconds else None
    if elsewhere is not None:
        return elsewhere
    try:
        part = wanted_part(request, content.size, tag, content.created)
    except NoSuchPart:
        return Response(416, headers=((b"content-range", b"bytes */%d" % content.size), *headers))
    if part is None:
        return await _pour(engine, request, content, Part(0, content.size), headers)
    shown = b"bytes %d-%d/%d" % (part.start, part.end - 1, content.size)
    return await _pour(engine, request, content, part, ((b"content-range", shown), *headers))


async def _elsewhere(engine: Engine, request: Request, content: Content) -> Response | None:
    """The way to the bucket itself; None where that would answer otherwise than this server does."""
    saved_here = content.download and content.media_type in INLINE
    if request.scope["method"] == "HEAD" or saved_here or engine.hooks.file_before_serve:
        return None
    seconds = engine.settings.files_redirect_seconds
    address = await engine.storage.signed(content.key, seconds)
    if address is None:
        return None
    kept = b"private, no-store" if content.protected else b"public, max-age=%d" % (seconds // 2)
    return Response(302, headers=((b"location", address.encode()), (b"cache-control", kept)))


async def _pour(
    engine: Engine, request: Request, content: Content, part: Part, headers: tuple[tuple[bytes, bytes], ...]
) -> Poured:
    status = 200 if headers[0][0] != b"content-range" else 206
    size = part.end - part.start
    kind = content.media_type.encode("latin-1", "replace")
    content_type = kind + b"; charset=utf-8" if kind == b"text/plain" else kind
    if request.scope["method"] == "HEAD" or not size:
        return Poured(status, headers=headers, content_type=content_type, size=size, pieces=_nothing)
    path = engine.storage.path(content.key)
    if path is not None and size <= SMALL_BYTES:
        body = await asyncio.to_thread(read_part, path, part.start, size)
        return Poured(status, body, headers, content_type, size=size, pieces=_nothing)
    pieces = engine.storage.read(content.key, part.start, part.end)
    if path is not None:
        opened = Opened(await asyncio.to_thread(open_file, path), part.start)
        return Poured(status, b"", headers, content_type, size=size, pieces=lambda: pieces, opened=opened)
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        raise Missing from None

    async def all_pieces() -> AsyncGenerator[bytes, None]:
        yield first
        async for piece in pieces:
            yield piece

    return Poured(status, headers=headers, content_type=content_type, size=size, pieces=all_pieces)


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


def disposition(name: str, *, inline: bool) -> bytes:
    """The header that names a file. A name that is no plain ASCII goes out as RFC 6266 has it, too."""
    plain = _UNQUOTABLE.sub("_", name) or "file"
    found = b"inline" if inline else b"attachment"
    found += b'; filename="' + plain.encode() + b'"'
    return found if plain == name else found + b"; filename*=UTF-8''" + quote(name, safe="", errors="replace").encode()


def _headers(request: Request, content: Content, tag: bytes) -> tuple[tuple[bytes, bytes], ...]:
    inline = content.media_type in INLINE and not content.download
    found_headers = [
        (b"content-disposition", disposition(content.name, inline=inline)),
        (b"etag", tag),
        (b"last-modified", http_date(content.created)),
        (b"accept-ranges", b"bytes"),
        _POLICY,
    ]
    if content.protected:
        found_headers.append(_PRIVATE)
    elif not content.kept:
        found_headers.append(_ASK_AGAIN)
    elif b"authorization" not in request.headers and b"x-api-key" not in request.headers:
        found_headers.append(_KEPT)
    return tuple(found_headers)
