"""Pages of plugins in the console: which there are, and their files."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.request import Request
from holdfast.http.response import Poured, Response
from holdfast.http.routing import Route, Schema
from holdfast.plugin import ConsolePage
from holdfast.plugins.hosting import Plugins

PAGES: Final = "/api/plugin-pages"
FILE: Final = PAGES + "/{plugin}/{page}/{file}"
MOST_BYTES: Final = 8 << 20  # of one file, which is read into memory
TYPES: Final = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".json": b"application/json",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
    ".jpg": b"image/jpeg",
    ".webp": b"image/webp",
    ".woff2": b"font/woff2",
}
# Of no origin, wherever it is opened: it has no cookie and no storage of this server's, and asks the console for what
# it wants of the API.
POLICY: Final = (
    b"sandbox allow-scripts allow-forms; default-src 'none'; script-src 'self' 'unsafe-inline'; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; form-action 'none'; "
    b"base-uri 'none'; frame-ancestors 'self'"
)
_SHOWN: Final[Schema] = {
    "type": "object",
    "required": ["plugin", "name", "label", "may", "collections", "path"],
    "properties": {
        **{key: {"type": "string"} for key in ("plugin", "name", "label", "path")},
        **{key: {"type": "array", "items": {"type": "string"}} for key in ("may", "collections")},
    },
}

_LISTED: Final[Schema] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _SHOWN}},
}


def page_routes(plugins: Plugins) -> tuple[Route, ...]:
    """The routes of a process with these plugins."""

    async def list_pages(_: Engine, request: Request) -> Response:
        return Response(body=msgspec.json.encode({"items": [_shown(plugin, page) for plugin, page in _pages(plugins)]}))

    async def get_file(_: Engine, request: Request) -> Response:
        plugin, name, file = (request.params[key] for key in ("plugin", "page", "file"))
        found = [page for one, page in _pages(plugins) if (one, page.name) == (plugin, name)]
        content = await asyncio.to_thread(_content, found[0].folder, file) if found else None
        if content is None:
            raise NotFound
        headers = [(b"content-security-policy", POLICY), (b"cache-control", b"no-cache")]
        if request.header(b"origin") == "null":  # a module or a font that the page itself asks for
            headers.append((b"access-control-allow-origin", b"*"))
        kind, size = TYPES[Path(file).suffix], len(content)
        return Poured(200, content, tuple(headers), kind, size=size, pieces=_nothing)

    return (
        Route(
            method="GET",
            path=PAGES,
            handler=list_pages,
            summary="The pages of plugins that are on",
            tag="plugins",
            answer=_LISTED,
        ),
        Route(
            method="GET",
            path=FILE,
            handler=get_file,
            summary="A file of a plugin's page",
            description="For anyone: it runs in a sandbox, and holds no secrets.",
            tag="plugins",
            access="anyone",
        ),
    )


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


def _pages(plugins: Plugins) -> Iterator[tuple[str, ConsolePage]]:
    """The pages of the plugins that are on, with the names of their plugins."""
    for one in plugins.active:
        for page in one.loaded.pages:
            yield one.plugin.name, page


def _shown(plugin: str, page: ConsolePage) -> dict[str, Any]:
    return {
        "plugin": plugin,
        "name": page.name,
        "label": page.label,
        "may": list(page.may),
        "collections": list(page.collections),
        "path": f"{PAGES}/{plugin}/{page.name}/index.html",
    }


def _content(folder: Path, name: str) -> bytes | None:
    """A file that lies in the folder itself: nothing else is ever opened. Blocks."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name == name and path.suffix in TYPES and path.is_file() and path.stat().st_size <= MOST_BYTES:
            return path.read_bytes()
    return None
