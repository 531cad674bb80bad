"""`/api/openapi.json` and the page that shows it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import litestar
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.openapi import ResponseSpec
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from holdfast.engine import Engine
from holdfast.http.litestar import as_litestar
from holdfast.http.local import is_local
from holdfast.http.pages import page
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Routes, require_superuser
from holdfast.openapi.document import Documents, More

PAGE: Final = Path(__file__).with_name("docs.html")
STATIC: Final = Path(__file__).with_name("static")
FILES: Final = {"swagger-ui.js": "swagger-ui-bundle.js", "swagger-ui.css": "swagger-ui.css"}
TYPES: Final = {".js": b"text/javascript; charset=utf-8", ".css": b"text/css; charset=utf-8"}
KEPT: Final = b"public, max-age=86400"


def openapi_handlers(
    routes: Routes, others: Iterable[ControllerRouterHandler], more: More = tuple
) -> tuple[ControllerRouterHandler, ...]:
    """The handlers of the description of `routes`, of the `others`, of themselves and of `more`: those of plugins."""

    document = ResponseSpec(dict[str, Any], generate_examples=False, description="The document.")

    @litestar.get("/api/openapi.json", summary="This document", tags=["server"], responses={200: document})
    async def openapi(engine: NamedDependency[Engine], incoming: NamedDependency[Request]) -> litestar.Response[bytes]:
        """The API with the concrete schemas of each collection, as OpenAPI 3.1."""
        require_reader(engine, incoming)
        await engine.live.check()
        found = documents.get(engine.catalog, engine.hooks, superuser=incoming.principal.is_superuser)
        headers = ((b"etag", found.etag), (b"cache-control", b"private, no-cache"), (b"vary", b"Authorization"))
        if incoming.headers.get(b"if-none-match") == found.etag:
            return as_litestar(Response(304, headers=headers))
        return as_litestar(Response(body=found.body, headers=headers))

    documents = Documents(routes, (*others, openapi, docs, docs_file), more)
    return (openapi, docs, docs_file)


@litestar.get("/api/docs", summary="The API's page, for people", tags=["server"], media_type=MediaType.HTML)
async def docs(engine: NamedDependency[Engine], incoming: NamedDependency[Request]) -> litestar.Response[bytes]:
    """A page that shows the document. It holds nothing of this server; it asks for the document, and logs in for it."""
    words = {"open": "yes" if _is_open(engine, incoming) else "no"}
    return as_litestar(page(PAGE, styles="'self'", scripts="'self'", words=words))


@litestar.get("/api/docs/{file:str}", summary="A file of that page", tags=["server"], media_type=MediaType.TEXT)
async def docs_file(file: FromPath[str]) -> litestar.Response[bytes]:
    """Swagger UI's script and style sheet, from this server."""
    if file not in FILES:
        raise NotFoundException
    found = STATIC / FILES[file]
    return as_litestar(
        Response(body=found.read_bytes(), headers=((b"cache-control", KEPT),), content_type=TYPES[found.suffix])
    )


def require_reader(engine: Engine, request: Request) -> None:
    """Raise unless the caller may read the description of the API: see the setting `docs`."""
    if not _is_open(engine, request):
        require_superuser(request.principal)


def _is_open(engine: Engine, request: Request) -> bool:
    return engine.settings.docs == "public" or is_local(request)
