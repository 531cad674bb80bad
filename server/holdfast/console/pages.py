"""The console's page under every path of `/_/`, and its files."""

import asyncio
import secrets
from pathlib import Path
from typing import Final

import litestar
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from holdfast.console.assets import TYPES, Assets
from holdfast.http.litestar import as_litestar
from holdfast.http.request import Request
from holdfast.http.response import Response

KEPT: Final = b"public, max-age=31536000, immutable"
HTML: Final = b"text/html; charset=utf-8"
# What runs is ours: files of this server, and the few lines in the page that have its nonce. Blobs are pictures that
# somebody has just chosen to upload. The editor measures with elements that have a style of their own; what users wrote
# is never made into elements.
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "style-src-attr 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# HTML that somebody wrote, such as a mail, is shown in a page that may do nothing, of an origin of its own.
PREVIEW: Final = Path(__file__).with_name("preview.html")
PREVIEW_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def console_handlers(assets: Assets) -> tuple[ControllerRouterHandler, ...]:
    """The handlers of the console made of these files."""

    @litestar.get(
        ["/_/", "/_/{path:path}"],
        summary="The console",
        tags=["console"],
        media_type=MediaType.HTML,
    )
    async def console() -> litestar.Response[bytes]:
        """The page. It is the same for everybody and under every path: its script reads the address."""
        return as_litestar(_answer(assets.page, POLICY))

    @litestar.get(
        "/_/preview", summary="A page that shows HTML and does nothing", tags=["console"], media_type=MediaType.HTML
    )
    async def console_preview() -> litestar.Response[bytes]:
        """The page in which the console shows HTML that somebody wrote."""
        return as_litestar(_answer(PREVIEW.read_text("utf-8"), PREVIEW_POLICY))

    @litestar.get(
        "/_/a/{digest:str}/{file:str}", media_type=MediaType.TEXT, summary="A file of the console", tags=["console"]
    )
    async def console_file(
        incoming: NamedDependency[Request], digest: FromPath[str], file: FromPath[str]
    ) -> litestar.Response[bytes]:
        """One of its files, which never changes under this address."""
        return as_litestar(await _file(assets, incoming, digest, file))

    return (console, console_preview, console_file)


def _answer(page: str, policy: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    headers = (
        (b"content-security-policy", policy.replace("{nonce}", nonce).encode()),
        (b"cache-control", b"no-store"),
    )
    return Response(body=page.replace("{{nonce}}", nonce).encode(), headers=headers, content_type=HTML)


async def _file(assets: Assets, request: Request, digest: str, name: str) -> Response:
    path = assets.path(digest, name)
    tag = f'W/"{digest}"'.encode()
    headers = ((b"etag", tag), (b"cache-control", KEPT), (b"vary", b"Accept-Encoding"))
    if request.headers.get(b"if-none-match") == tag:
        return Response(304, headers=headers)
    if b"gzip" in request.headers.get(b"accept-encoding", b""):
        packed = await asyncio.to_thread(assets.packed, name)
        if packed:
            return Response(
                body=packed, headers=(*headers, (b"content-encoding", b"gzip")), content_type=TYPES[path.suffix]
            )
    return Response(body=await asyncio.to_thread(path.read_bytes), headers=headers, content_type=TYPES[path.suffix])
