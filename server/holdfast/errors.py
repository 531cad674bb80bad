"""Every failure that a client can see, with its status and its code.

A class is a code; its docstring is its documentation (docs/reference/errors.md is compared with
this file by a test). Raise the most exact one; nothing else may reach a client.

    ApiError
      BadRequest            400 bad_request
        InvalidFilter       400 invalid_filter
        InvalidSort         400 invalid_sort
        ValidationFailed    400 validation_failed
        RuleFailed          400 rule_failed
      Unauthenticated       401 unauthenticated
      Forbidden             403 forbidden
        RecentLoginNeeded   403 recent_login_needed
        SchemaLocked        403 schema_locked
      NotFound              404 not_found
      MethodNotAllowed      405 method_not_allowed
      Conflict              409 conflict
      PreconditionFailed    412 precondition_failed
      TooLarge              413 too_large
        UriTooLong          414 too_large
        HeadersTooLarge     431 too_large
      UnsupportedMediaType  415 unsupported_media_type
      IdempotencyMismatch   422 idempotency_mismatch
      RateLimited           429 rate_limited
      ChecksumMismatch      460 checksum_mismatch
      Internal              500 internal
        PluginFailed        500 internal
      Unavailable           503 unavailable
        Restoring           503 restoring
      QuotaExceeded         507 quota_exceeded
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeAlias

import msgspec
from typing_extensions import override

Problems: TypeAlias = Mapping[str, "Problem | Problems"]
"""Field name to problem; nested where the input is nested (`{"fields": {"2": {"name": ...}}}`)."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with one field: a stable code (`validation_required`) and a sentence."""

    code: str
    message: str


class ApiError(Exception):
    """A failure that is the client's to see.

    `message` is a sentence a person can act on, and `data` maps fields to what is wrong with them.
    Neither ever holds SQL, a stack trace or another user's data. `headers` go out with the answer.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    default: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        data: Problems | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message: str = message or self.default
        self.data: Problems = data or {}
        self.headers: Mapping[str, str] = headers or {}
        super().__init__(self.message)


class BadRequest(ApiError):
    """The request cannot be understood: broken JSON, a parameter of the wrong kind, a page that is no number."""

    code = "bad_request"
    status = 400
    default = "The request cannot be understood."


class InvalidFilter(BadRequest):
    """The `filter` cannot be read, or names a field that is not there.

    The message says where (counted in characters from 1) and, when one is near, the name that was meant.
    """

    code = "invalid_filter"
    default = "The filter cannot be read."


class InvalidSort(BadRequest):
    """The `sort` names a field that is not there, or has too many parts."""

    code = "invalid_sort"
    default = "The sort cannot be read."


class ValidationFailed(BadRequest):
    """One or more fields hold what they may not; `data` says which and why."""

    code = "validation_failed"
    default = "Some fields are not valid: see data."

    def __init__(self, data: Problems, message: str | None = None) -> None:
        super().__init__(message, data=data)


class RuleFailed(BadRequest):
    """The collection's create rule refuses this record."""

    code = "rule_failed"
    default = "The rule of this collection refuses the record."


class Unauthenticated(ApiError):
    """A token or key was needed and is absent, or an API key is not valid."""

    code = "unauthenticated"
    status = 401
    default = "This needs a valid token: log in and send it as Authorization."


class Forbidden(ApiError):
    """The caller is known and may not do this: the rule is closed, or the endpoint is for superusers."""

    code = "forbidden"
    status = 403
    default = "Only superusers may do this."


class RecentLoginNeeded(Forbidden):
    """The console's session is good, and what it asks for cannot be taken back: its owner shows first who they are.

    `POST /api/console/session/proof` takes the password, and lasts for ten minutes.
    """

    code = "recent_login_needed"
    default = "Show that it is you: this needs a password that was given within the last ten minutes."


class SchemaLocked(Forbidden):
    """The setting `schema_lock` is on: the API plans changes of collections, and does none.

    `holdfast schema push --unlock` does it at the server.
    """

    code = "schema_locked"
    default = (
        "The schema of this server is locked: a change can be planned here, and is made with "
        "`holdfast schema push --unlock` at the server."
    )


class NotFound(ApiError):
    """No such route, collection or record, or one that a rule hides from the caller."""

    code = "not_found"
    status = 404
    default = "There is nothing here, or nothing that you may see."


class MethodNotAllowed(ApiError):
    """The path exists, the method does not; `Allow` lists those that do."""

    code = "method_not_allowed"
    status = 405
    default = "This path does not take that method."


class Conflict(ApiError):
    """The request meets a state that it cannot change: a unique violation outside a field, a request still running."""

    code = "conflict"
    status = 409
    default = "The request conflicts with something that is already there."


class PreconditionFailed(ApiError):
    """`If-Match` names another version of the record, or `plan` another plan than the one that would be done."""

    code = "precondition_failed"
    status = 412
    default = "Someone else was faster: read the current version and try again."


class TooLarge(ApiError):
    """The body is larger than this server takes (`limits.body_bytes`)."""

    code = "too_large"
    status = 413
    default = "The request is larger than this server takes."


class UriTooLong(TooLarge):
    """The path and query are longer than this server takes; `POST .../query` takes the same in a body."""

    status = 414
    default = "The address is longer than this server takes. Send the parameters to POST .../records/query instead."


class HeadersTooLarge(TooLarge):
    """The headers are larger than this server takes."""

    status = 431
    default = "The request's headers are larger than this server takes."


class UnsupportedMediaType(ApiError):
    """The `Content-Type` is none that this path takes."""

    code = "unsupported_media_type"
    status = 415
    default = "Send application/json."


class IdempotencyMismatch(ApiError):
    """An `Idempotency-Key` that was used before came with another request."""

    code = "idempotency_mismatch"
    status = 422
    default = "This Idempotency-Key belongs to another request."


class RateLimited(ApiError):
    """Too many requests; `Retry-After` says when to try again, in seconds."""

    code = "rate_limited"
    status = 429
    default = "Too many requests: wait a little and try again."


class ChecksumMismatch(ApiError):
    """The bytes of a resumable upload are not those that their `Upload-Checksum` was made of."""

    code = "checksum_mismatch"
    status = 460  # as the tus protocol has it
    default = "The bytes have changed on their way, and are not kept: send them again."


class Internal(ApiError):
    """A fault of the server. The log has the rest, under the request's id."""

    code = "internal"
    status = 500
    default = "Something went wrong on the server. The log has it under this request id."


class PluginFailed(Internal):
    """A plugin has failed where it was asked. Superusers alone are told `reason`, a sentence that names it."""

    def __init__(self, plugin: str = "", place: str = "", reason: str = "it has a bug") -> None:
        super().__init__()
        self.plugin = plugin
        self.place = place
        self.reason = f"The plugin {plugin} failed in {place}: {reason.rstrip('.')}."

    @override
    def __str__(self) -> str:
        """For logs: what a client is told stands in `message`."""
        return self.reason


class Unavailable(ApiError):
    """The database is away, the pool is exhausted, a lock was not to be had in time, or the server is stopping."""

    code = "unavailable"
    status = 503
    default = "The server cannot answer just now: try again in a moment."

    def __init__(self, message: str | None = None, *, retry_after: int = 1, data: Problems | None = None) -> None:
        super().__init__(message, data=data, headers={"Retry-After": str(retry_after)})


class Restoring(Unavailable):
    """A backup is about to take the place of the database: for seconds, nothing is answered."""

    code = "restoring"
    default = "A backup is brought back just now: try again in a moment."


class QuotaExceeded(ApiError):
    """With these files there would be more bytes than the operator allows; `/api/settings` says how many."""

    code = "quota_exceeded"
    status = 507
    default = "There is no room for more files."


def catalogue() -> Iterator[type[ApiError]]:
    """Every error class with a code, parents before children."""
    waiting: list[type[ApiError]] = [ApiError]
    while waiting:
        error = waiting.pop(0)
        if error is not ApiError:
            yield error
        waiting.extend(error.__subclasses__())
