"""`/metrics`, for Prometheus and whatever reads its format."""

import asyncio
from typing import Final

import litestar
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.openapi import ResponseSpec
from litestar.types import ControllerRouterHandler

from holdfast.engine import Engine
from holdfast.http.litestar import as_litestar
from holdfast.http.local import is_local
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import require_superuser
from holdfast.metrics.gathering import Gathering
from holdfast.metrics.text import MEDIA_TYPE, as_text

_HEADERS: Final = ((b"cache-control", b"no-store"),)


def metrics_handlers(gathering: Gathering) -> tuple[ControllerRouterHandler, ...]:
    """The handler of a process that tells what it gathers."""
    figures = ResponseSpec(str, generate_examples=False, description="The metrics.", media_type=MediaType.TEXT)

    @litestar.get(
        "/metrics",
        summary="What the server counts and measures",
        tags=["server"],
        media_type=MediaType.TEXT,
        responses={200: figures},
    )
    async def metrics(engine: NamedDependency[Engine], incoming: NamedDependency[Request]) -> litestar.Response[bytes]:
        """Metrics of all processes of this server, in the text format of Prometheus."""
        require_reader(engine, incoming)
        samples = await gathering.samples(engine)
        # In a thread, so that thousands of lines hold up no request for longer than Python lets a thread run: 5 ms.
        return as_litestar(Response(200, await asyncio.to_thread(as_text, samples), _HEADERS, MEDIA_TYPE))

    return (metrics,)


def require_reader(engine: Engine, request: Request) -> None:
    """Raise Unauthenticated or Forbidden unless a superuser asks, a key with the role for it, or this very machine."""
    who, role = request.principal, engine.settings.metrics_role
    found = engine.catalog.role(role) if role else None
    may = who.kind == "key" and found is not None and found.id in who.roles
    if not may and not is_local(request):
        require_superuser(who)
