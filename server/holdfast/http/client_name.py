"""What a client calls itself and its version (`X-Client: console/0.1.0`), for the audit log."""

import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = b"x-client"
MOST_CHARS: Final = 64
_NAME: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)?")


def client_name(headers: Mapping[bytes, bytes]) -> str:
    """The name, with its version after a slash; empty where none is said, or what is no such name."""
    given = headers.get(HEADER, b"")
    if not given or len(given) > MOST_CHARS or _NAME.fullmatch(given) is None:
        return ""
    return given.decode("ascii")
