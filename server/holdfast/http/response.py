"""An answer of the data plane: bytes that are sent as they are."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec

JSON: Final = b"application/json"


class Response(msgspec.Struct, frozen=True):
    """Status, body and headers; `content_type` is left out when the body is empty."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON


class Poured(Response, frozen=True, kw_only=True):
    """An answer of `size` bytes that comes in pieces, as fast as the client takes them.

    Its headers say what a browser may do with it: the policy of other answers is not added.
    """

    size: int
    pieces: Callable[[], AsyncGenerator[bytes, None]]


NO_CONTENT: Final = Response(204)
