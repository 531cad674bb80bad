"""Litestar as the control plane: ordinary controllers, with our requests, principals, errors and limits.

The front hands a request over with the engine and our `Request` in its scope. Handlers ask for them by
name: `engine: NamedDependency[Engine]`, `incoming: NamedDependency[Request]`.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, cast

import litestar
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.handlers.base import BaseRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ControllerRouterHandler
from litestar.utils import normalize_path
from typing_extensions import override

from holdfast.errors import (
    ApiError,
    BadRequest,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unauthenticated,
    ValidationFailed,
    catalogue,
)
from holdfast.http.refusal import answer_failure
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import allow, require_superuser

SCOPE_ENGINE: Final = "holdfast.engine"
SCOPE_REQUEST: Final = "holdfast.request"
_MISSING: Final = re.compile(r"missing required field `(\w+)`")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

Connection = litestar.Request[Any, Any, Any]
Lifespan = Callable[[litestar.Litestar], AbstractAsyncContextManager[None]]


class ControlRequest(litestar.Request[Any, Any, Any]):
    """Litestar's request, with a body that is counted, and JSON that is read as everywhere else."""

    @override
    async def body(self) -> bytes:
        """The whole body. Raises TooLarge."""
        return await _ours(self.scope).body()

    @override
    async def json(self) -> Any:
        """The body as JSON. Raises UnsupportedMediaType and BadRequest."""
        return await _ours(self.scope).json()


class Control(litestar.Litestar):
    """Litestar without its support for pydantic, attrs and the like, which it adds wherever it finds those packages.

    piccolo-admin brings pydantic along; to load it would cost every process 8 MB and every start 0.15 s.
    """

    @staticmethod
    @override
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def control_plane(handlers: Iterable[ControllerRouterHandler], *lifespan: Lifespan) -> litestar.Litestar:
    """A Litestar application of these handlers. Its own OpenAPI, logging, CORS and debug pages are off: ours apply."""
    return Control(
        route_handlers=list(handlers),
        lifespan=list(lifespan),
        dependencies=DEPENDENCIES,
        request_class=ControlRequest,
        exception_handlers={Exception: answer_exception},
        openapi_config=None,
        logging_config=None,
        debug=False,
        request_max_body_size=None,  # `Request.body` counts
    )


def superusers_only(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: Unauthenticated for a guest, Forbidden for anybody else who is no superuser."""
    require_superuser(_ours(connection.scope).principal)


NO_STORE: Final = {"Cache-Control": "no-store"}


def as_litestar(response: Response) -> litestar.Response[bytes]:
    """An answer of ours as Litestar sends one."""
    return litestar.Response(
        response.body,
        status_code=response.status,
        media_type=response.content_type.decode().removesuffix("; charset=utf-8"),  # Litestar puts it there again
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers},
    )


def our_request(request: Connection) -> Request:
    """The request as the front read it."""
    return _ours(request.scope)


def _ours(scope: Any) -> Request:
    return scope[SCOPE_REQUEST]


def _engine(request: Connection) -> Any:
    return cast(Any, request.scope)[SCOPE_ENGINE]


DEPENDENCIES: Final = {
    "engine": Provide(_engine, sync_to_thread=False),
    "incoming": Provide(our_request, sync_to_thread=False),
}


def answer_exception(request: Connection, failure: Exception) -> litestar.Response[bytes]:
    """The answer to whatever a handler raises, in the shape that all refusals have."""
    ours = _ours(request.scope)
    if isinstance(failure, MethodNotAllowedException):
        failure = MethodNotAllowed(headers={"Allow": allow(_methods(request, ours.path))})
    elif isinstance(failure, HTTPException):
        failure = _as_api_error(failure)
    return as_litestar(answer_failure(failure, ours))


def _as_api_error(failure: HTTPException) -> Exception:
    """Litestar's refusals in our words; its faults stay what they are."""
    if isinstance(failure, NotFoundException):
        return NotFound()
    if isinstance(failure, ValidationException):
        return _validation_failed(failure)
    by_status: dict[int, type[ApiError]] = {401: Unauthenticated, 403: Forbidden}
    for error in catalogue():
        by_status.setdefault(error.status, error)
    if failure.status_code >= 500:
        return failure
    if failure.status_code == 400:
        return BadRequest(str(failure.detail))
    found = by_status.get(failure.status_code)
    return found() if found else BadRequest(str(failure.detail))


def _validation_failed(failure: ValidationException) -> ApiError:
    """The fields that msgspec did not take, under their names."""
    problems: dict[str, Problem] = {}
    for found in cast("list[dict[str, str]]", failure.extra or []):
        missing = _MISSING.search(found["message"])
        if missing is not None:
            problems[missing[1]] = Problem("validation_required", "A value is needed.")
        elif found.get("source") == "body":
            problems[found["key"]] = Problem("validation_invalid_value", f"{found['message'].rstrip('.')}.")
    return ValidationFailed(problems) if problems else BadRequest("The request cannot be understood.")


def _methods(request: Connection, path: str) -> list[str]:
    """The methods that a path takes."""
    found: list[str] = []
    for method in METHODS:
        try:
            request.app.asgi_router.handle_routing(path=normalize_path(path), method=method)
        except HTTPException:
            continue
        found.append(method)
    return found
