"""Errors as clients read them."""

import json

import asyncpg
import pytest

from holdfast.errors import ApiError, Problem, RateLimited, ValidationFailed, catalogue
from holdfast.http.refusal import answer_failure, refusal
from holdfast.http.request import Request

# Others say more of one of these, and who raises them says it.
CODES = [error for error in catalogue() if error is not ValidationFailed and error.__module__ == ApiError.__module__]


def request() -> Request:
    scope = {"method": "GET", "path": "/api/x", "query_string": b"", "headers": []}
    return Request(scope, None, id="the-request", max_body_bytes=1)


def test_an_error_has_one_shape() -> None:
    found = refusal(ValidationFailed({"title": Problem("validation_required", "Must not be empty.")}), "abc-123-def")
    assert found.status == 400
    assert found.body == (
        b'{"data":{"title":{"code":"validation_required","message":"Must not be empty."}},'
        b'"message":"Some fields are not valid: see data.","status":400,"code":"validation_failed",'
        b'"requestId":"abc-123-def"}'
    )


def test_problems_are_nested_where_the_input_is() -> None:
    problem = Problem("validation_invalid_name", "No.")
    found = json.loads(refusal(ValidationFailed({"fields": {"2": {"name": problem}}}), "").body)
    assert found["data"] == {"fields": {"2": {"name": {"code": "validation_invalid_name", "message": "No."}}}}


def test_headers_of_an_error_go_out() -> None:
    assert refusal(RateLimited(headers={"Retry-After": "7"}), "").headers == ((b"retry-after", b"7"),)


@pytest.mark.parametrize("error", CODES)
def test_every_error_can_be_raised_without_arguments(error: type[ApiError]) -> None:
    found = json.loads(refusal(error(), "").body)
    assert (found["status"], found["code"]) == (error.status, error.code)
    assert found["message"].endswith(".")


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        pytest.param(asyncpg.UniqueViolationError("secret"), 500, id="a violation that no use case expected"),
        pytest.param(asyncpg.QueryCanceledError("secret"), 400, id="a query that took too long"),
        pytest.param(asyncpg.LockNotAvailableError("secret"), 503, id="a lock that was not to be had"),
        pytest.param(asyncpg.ConnectionDoesNotExistError("secret"), 503, id="a connection that is gone"),
        pytest.param(asyncpg.InvalidTextRepresentationError("secret"), 400, id="a value that is none"),
        pytest.param(ConnectionRefusedError("secret"), 503, id="a database that is away"),
        pytest.param(RuntimeError("secret"), 500, id="a mistake of ours"),
        pytest.param(KeyError("secret"), 500, id="another one"),
    ],
)
def test_what_failed_is_told_in_our_words_only(failure: Exception, status: int) -> None:
    found = answer_failure(failure, request())
    assert found.status == status
    assert b"secret" not in found.body
    assert json.loads(found.body)["requestId"] == "the-request"
