"""An answer of the data plane: bytes that are sent as they are."""

from typing import Final

import msgspec

JSON: Final = b"application/json"


class Response(msgspec.Struct, frozen=True):
    """Status, body and headers; `content_type` is left out when the body is empty."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON


NO_CONTENT: Final = Response(204)
