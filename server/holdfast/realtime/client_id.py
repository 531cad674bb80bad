"""The ids of clients: which process holds the line, and 128 bits that nobody guesses."""

import re
import secrets
from typing import Final

PROCESSES: Final = 2**31
_ID: Final = re.compile(r"([0-7][0-9a-f]{7})[0-9a-f]{32}")


def new_client_id(process: int) -> str:
    """A new id of a client of this process."""
    return f"{process:08x}{secrets.token_hex(16)}"


def process_of(client_id: str) -> int | None:
    """The process that gave out the id; None if it is none of ours."""
    found = _ID.fullmatch(client_id)
    return int(found[1], 16) if found else None
