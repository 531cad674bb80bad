"""A failure as the answer that a client reads: one shape for all of them, and the rest in the log."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from holdfast.db.failures import api_error
from holdfast.errors import ApiError, Internal, PluginFailed, Problem, Problems, Unavailable
from holdfast.http.request import Request
from holdfast.http.response import Response

STOPPED: Final = "The server stopped before this was answered: see whether it was done before you ask again."
_log: Final = structlog.get_logger("holdfast.http")


def answer_failure(failure: Exception | asyncio.CancelledError, request: Request) -> Response:
    """The answer to a failure, whatever it is; what a client may not see goes to the log.

    What is cancelled took longer than a server that stops waits for.
    """
    if isinstance(failure, asyncio.CancelledError):
        error = Unavailable(STOPPED)
    else:
        error = failure if isinstance(failure, ApiError) else api_error(failure) or Internal()
    if error.status >= 500:
        _tell(failure, error, request)
    if isinstance(error, PluginFailed) and request.principal.is_superuser:
        error = Internal(error.reason)
    return refusal(error, request.id)


def _tell(failure: BaseException, error: ApiError, request: Request) -> None:
    fault = error.status == 500
    named = {"plugin": error.plugin, "place": error.place} if isinstance(error, PluginFailed) else {}
    _log.log(
        logging.ERROR if fault else logging.WARNING,
        "request failed",
        request_id=request.id,
        method=request.method,
        path=request.path,
        status=error.status,
        reason=error.reason if isinstance(error, PluginFailed) else error.message,
        # A database that is away is told in one line; a traceback for each request would bury what matters.
        cause=None if fault else _cause(failure),
        exc_info=failure if fault else None,
        **named,
    )


def _cause(failure: BaseException) -> str:
    cause = failure.__cause__ or failure
    return f"{type(cause).__name__}: {cause}"


def refusal(error: ApiError, request_id: str) -> Response:
    """The answer for an error: the shape that all errors have, and the headers that the error asks for."""
    body = {
        "data": problems_as_data(error.data),
        "message": error.message,
        "status": error.status,
        "code": error.code,
        "requestId": request_id,
    }
    headers = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in error.headers.items())
    return Response(error.status, _encoded(body), headers)


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        # The words of a plugin may hold half of a surrogate pair; what it said of fields is left out then.
        message = body["message"].encode("utf-8", "backslashreplace").decode()
        return msgspec.json.encode({**body, "message": message, "data": {}})


def problems_as_data(problems: Problems) -> dict[str, Any]:
    """Field name to code and message, nested where the input is nested."""
    return {
        name: problems_as_data(problem) if isinstance(problem, Mapping) else _described(problem)
        for name, problem in problems.items()
    }


def _described(problem: Problem) -> Any:
    return msgspec.to_builtins(problem)  # a subclass may have more to say than code and message
