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
    """An answer of `size` bytes (None: nobody knows) that comes in pieces, as fast as the client takes them.

    Its headers say what a browser may do with it: the policy of other answers is not added. A small one may have all of
    it as its `body`.
    """

    size: int | None
    pieces: Callable[[], AsyncGenerator[bytes, None]]
    opened: "Opened | None" = None


class Opened(msgspec.Struct, frozen=True):
    """An open file that holds what `pieces` would give, from `start` on. Who sends the answer closes it."""

    handle: int
    start: int


NO_CONTENT: Final = Response(204)
