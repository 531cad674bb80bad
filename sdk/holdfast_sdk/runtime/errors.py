"""Everything that can go wrong with a call, as exceptions. `code` of the server's answer decides the class.

HoldfastError
+ ApiError                 the server refused
| + BadRequest             bad_request
| + InvalidFilter          invalid_filter
| + InvalidSort            invalid_sort
| + ValidationFailed       validation_failed
| + RuleFailed             rule_failed
| + Unauthenticated        unauthenticated
| | + SecondFactorNeeded   a login that another factor has to complete
| + Forbidden              forbidden
| | + RecentLoginNeeded    recent_login_needed
| | + SchemaLocked         schema_locked
| + NotFound               not_found
| + MethodNotAllowed       method_not_allowed
| + Conflict               conflict
| + PreconditionFailed     precondition_failed
| | + VersionConflict      `if_unchanged`: somebody else was faster
| + TooLarge               too_large
| + UnsupportedMediaType   unsupported_media_type
| + IdempotencyMismatch    idempotency_mismatch
| + RateLimited            rate_limited
| + ChecksumMismatch       checksum_mismatch
| + QuotaExceeded          quota_exceeded
| + ServerFault            internal, and faults that have no code
| + Unavailable            unavailable
| | + Restoring            restoring
+ ConnectionFailed         no answer came, for as long as was tried
| + TimedOut               it did not come in time
+ UnreadableAnswer         an answer that is not what this client was made for
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, TypeVar, cast

import msgspec

RecordT = TypeVar("RecordT")


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with one field."""

    code: str
    message: str


class SchemaDrift(UserWarning):
    """The server has other collections by now than this client was made for: upgrade the package."""


class HoldfastError(Exception):
    """Whatever went wrong with a call."""


class ApiError(HoldfastError):
    """The server refused. `message` is for people, `code` for programs; the server's log knows the `request_id`."""

    code: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        data: Mapping[str, Any] | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.said = code or self.code
        self.data: Mapping[str, Any] = data or {}
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def problems(self) -> dict[str, Problem]:
        """What is wrong with which field; the names of nested ones are joined by dots: `requests.2.title`."""
        found: dict[str, Problem] = {}
        _collect(self.data, "", found)
        return found

    def __str__(self) -> str:
        """The message, and what is wrong with which field."""
        wrong = "; ".join(f"{name}: {problem.message}" for name, problem in self.problems.items())
        return f"{self.message} ({wrong})" if wrong else self.message


def _collect(data: Mapping[str, Any], prefix: str, found: dict[str, Problem]) -> None:
    for name, inner in data.items():
        if not isinstance(inner, dict):
            continue
        part = cast("dict[str, Any]", inner)
        code, message = part.get("code"), part.get("message")
        if isinstance(code, str) and isinstance(message, str):
            found[prefix + name] = Problem(code, message)
        else:
            _collect(part, f"{prefix}{name}.", found)


class BadRequest(ApiError):
    """The request cannot be understood; a wrong password is this, too."""

    code = "bad_request"


class InvalidFilter(ApiError):
    """The filter cannot be read, or names a field that is not there."""

    code = "invalid_filter"


class InvalidSort(ApiError):
    """The sort names a field that is not there, or has too many parts."""

    code = "invalid_sort"


class ValidationFailed(ApiError):
    """Some fields hold what they may not: see `problems`."""

    code = "validation_failed"


class RuleFailed(ApiError):
    """The collection's create rule refuses the record."""

    code = "rule_failed"


class Unauthenticated(ApiError):
    """A login or a key is needed, or the one that there was has ended."""

    code = "unauthenticated"


class SecondFactorNeeded(Unauthenticated):
    """The first factor was right. Log in by another method, with this `mfa_id`."""

    def __init__(self, mfa_id: str, **more: Any) -> None:
        super().__init__("A second factor is needed.", **more)
        self.mfa_id = mfa_id


class Forbidden(ApiError):
    """The caller may not do this."""

    code = "forbidden"


class RecentLoginNeeded(Forbidden):
    """A session of the console has to show again who it belongs to. Tokens and keys of programs never have to."""

    code = "recent_login_needed"


class SchemaLocked(Forbidden):
    """The server plans changes of collections, and makes none over the API."""

    code = "schema_locked"


class NotFound(ApiError):
    """There is no such record or collection, or none that the caller may see."""

    code = "not_found"


class MethodNotAllowed(ApiError):
    """The path is there, the method is not."""

    code = "method_not_allowed"


class Conflict(ApiError):
    """Something that is there already stands in the way."""

    code = "conflict"


class PreconditionFailed(ApiError):
    """The record has another version by now."""

    code = "precondition_failed"


class VersionConflict(PreconditionFailed):
    """Somebody else was faster. `yours` is the record that the change was meant for, `theirs` the one that is there.

    `theirs` is None when it was deleted. `of` gives both with their type.
    """

    def __init__(self, refusal: ApiError, yours: Any, theirs: Any) -> None:
        super().__init__(
            refusal.message,
            status=refusal.status,
            code=refusal.said,
            data=refusal.data,
            request_id=refusal.request_id,
        )
        self.yours: Any = yours
        self.theirs: Any = theirs

    def of(self, kind: type[RecordT]) -> tuple[RecordT, RecordT | None]:
        """Both versions as records of a kind. Raises TypeError if they are of another."""
        if not isinstance(self.yours, kind):
            raise TypeError(f"This conflict is about a {type(self.yours).__name__}.")
        return self.yours, self.theirs


class TooLarge(ApiError):
    """The request is larger than the server takes."""

    code = "too_large"


class UnsupportedMediaType(ApiError):
    """The path does not take such bodies."""

    code = "unsupported_media_type"


class IdempotencyMismatch(ApiError):
    """The Idempotency-Key came before with another request."""

    code = "idempotency_mismatch"


class RateLimited(ApiError):
    """Too many requests: wait `retry_after` seconds."""

    code = "rate_limited"


class ChecksumMismatch(ApiError):
    """The bytes of a file are not those that their checksum was made of."""

    code = "checksum_mismatch"


class QuotaExceeded(ApiError):
    """There would be more bytes of files than the operator allows."""

    code = "quota_exceeded"


class ServerFault(ApiError):
    """A fault of the server; its log knows the `request_id`."""

    code = "internal"


class Unavailable(ApiError):
    """The server cannot answer just now."""

    code = "unavailable"


class Restoring(Unavailable):
    """A backup is brought back just now: in some seconds the server answers again, with what was then."""

    code = "restoring"


class ConnectionFailed(HoldfastError):
    """No answer came, for as long as was tried."""


class TimedOut(ConnectionFailed):
    """No answer came in time."""


class UnreadableAnswer(HoldfastError):
    """An answer that is not what this client was made for. Most likely the package is older than the collections."""


KINDS: Final[Mapping[str, type[ApiError]]] = {
    kind.code: kind
    for kind in (
        BadRequest,
        InvalidFilter,
        InvalidSort,
        ValidationFailed,
        RuleFailed,
        Unauthenticated,
        Forbidden,
        RecentLoginNeeded,
        SchemaLocked,
        NotFound,
        MethodNotAllowed,
        Conflict,
        PreconditionFailed,
        TooLarge,
        UnsupportedMediaType,
        IdempotencyMismatch,
        RateLimited,
        ChecksumMismatch,
        QuotaExceeded,
        ServerFault,
        Unavailable,
        Restoring,
    )
}


class _Refusal(msgspec.Struct):
    """A refusal as it comes. Another server on the way, such as a proxy, writes something else."""

    message: str = ""
    code: str = ""
    data: dict[str, Any] = {}
    request_id: str = msgspec.field(name="requestId", default="")
    mfa_id: str = msgspec.field(name="mfaId", default="")


_decode: Final = msgspec.json.Decoder(_Refusal).decode


def api_error(status: int, body: bytes, retry_after: float | None = None) -> ApiError:
    """The exception for an answer that refuses."""
    try:
        refusal = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        refusal = _Refusal()
    if refusal.mfa_id:
        return SecondFactorNeeded(refusal.mfa_id, status=status)
    kind = KINDS.get(refusal.code) or _without_code(status)
    return kind(
        refusal.message or f"The server answered {status}.",
        status=status,
        code=refusal.code,
        data=refusal.data,
        request_id=refusal.request_id,
        retry_after=retry_after,
    )


def _without_code(status: int) -> type[ApiError]:
    """Whoever answers between the server and the client, or a server that is newer than the package."""
    if status in (502, 503, 504):
        return Unavailable
    return ServerFault if status >= 500 else ApiError
