"""Which web sites may call the API from a browser, and the headers that tell the browser so."""

import re
from typing import Final

from holdfast.errors import Forbidden
from holdfast.http.request import Request
from holdfast.http.response import Response

Headers = tuple[tuple[bytes, bytes], ...]

MAX_AGE: Final = 7200  # seconds that a browser may remember a preflight; Chromium takes no more
MAX_NAMES_BYTES: Final = 2048  # of Access-Control-Request-Headers
METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
EXPOSED: Final = (
    b"ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, X-Event-Seq, X-Request-Id"
)
NOT_ALLOWED: Final = "This origin is not allowed: the setting cors_origins lists those that are."
_NAMES: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]*")


class Cors:
    """The answer to `Origin`: exact matches only, or `*` for any.

    Credentials are never allowed: clients send a token that they hold, and no cookie. `Origin: null` (a file, a
    sandbox, a redirect) is no site and never matches.
    """

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = "*" in origins
        self._allowed = {
            origin.encode(): (
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-expose-headers", EXPOSED),
            )
            for origin in origins
            if origin not in ("*", "null")
        }
        self.vary: Headers = () if self._any else ((b"vary", b"Origin"),)
        self._star: Headers = (
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", EXPOSED),
        )

    def headers(self, origin: bytes) -> Headers:
        """What an answer to a request from this origin carries; nothing if it is not allowed."""
        if self._any:
            return self._star if origin != b"null" else ()
        return self._allowed.get(origin, ())

    def check_socket(self, request: Request) -> None:
        """Raise Forbidden for a WebSocket that a page of another site opens: a browser asks nobody before it does.

        A page of this very server may, whatever the setting says; so may what is no browser and sends no `Origin`.
        """
        origin = request.headers.get(b"origin")
        if origin is None or self.headers(origin):
            return
        if origin.partition(b"://")[2] != request.headers.get(b"host"):
            raise Forbidden(NOT_ALLOWED)

    def preflight(self, request: Request) -> Response | None:
        """The answer to a browser that asks before it sends; None if the request is no preflight.

        Raises Forbidden for an origin that is not allowed.
        """
        headers = request.headers
        origin = headers.get(b"origin")
        if origin is None or b"access-control-request-method" not in headers:
            return None
        allowed = self.headers(origin)
        wanted = headers.get(b"access-control-request-headers", b"")
        if not allowed or len(wanted) > MAX_NAMES_BYTES or not _NAMES.fullmatch(wanted):
            raise Forbidden(NOT_ALLOWED)
        return Response(
            204,
            headers=(
                (b"access-control-allow-methods", METHODS),
                (b"access-control-allow-headers", wanted or b"Authorization, Content-Type"),
                (b"access-control-max-age", str(MAX_AGE).encode()),
                (b"vary", b"Access-Control-Request-Headers"),
            ),
        )
