"""A limit of its own that somebody has: an API key for what it asks, an endpoint for what it is sent."""

from typing import Any, Final

import msgspec

from holdfast.errors import Problem

MAX_SECONDS: Final = 86_400


class RequestLimit(msgspec.Struct, frozen=True, rename="camel"):
    """At most `max_requests` in `duration` seconds."""

    max_requests: int
    duration: int


def read_request_limit(given: Any, most: int) -> RequestLimit | Problem | None:
    """A limit as bodies have it, of at most `most` requests; null is none. A Problem says what is wrong."""
    if given is None:
        return None
    try:
        limit = msgspec.convert(given, RequestLimit)
    except msgspec.ValidationError:
        return Problem("validation_invalid_value", 'Must be {"maxRequests": 100, "duration": 60} or null.')
    if 1 <= limit.max_requests <= most and 1 <= limit.duration <= MAX_SECONDS:
        return limit
    message = f"maxRequests has to be from 1 to {most}, duration from 1 to {MAX_SECONDS} seconds."
    return Problem("validation_out_of_range", message)
