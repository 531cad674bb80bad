"""A failure as the answer that a client reads: one shape for all of them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.errors import ApiError, Problem, Problems
from holdfast.http.response import Response


def refusal(error: ApiError, request_id: str) -> Response:
    """The answer for an error: API.md's shape, and the headers that the error asks for."""
    body = {
        "data": problems_as_data(error.data),
        "message": error.message,
        "status": error.status,
        "code": error.code,
        "requestId": request_id,
    }
    headers = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in error.headers.items())
    return Response(error.status, msgspec.json.encode(body), headers)


def problems_as_data(problems: Problems) -> dict[str, Any]:
    """Field name to code and message, nested where the input is nested."""
    return {
        name: problems_as_data(problem) if isinstance(problem, Mapping) else _described(problem)
        for name, problem in problems.items()
    }


def _described(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "message": problem.message}
