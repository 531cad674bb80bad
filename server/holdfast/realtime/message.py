"""Messages as server-sent events."""

from typing import Final

HEARTBEAT: Final = b":\n\n"
RETRY: Final = b"retry:1000\n\n"  # the last thing on a line that the server closes: come again in so many milliseconds
EVENT_STREAM: Final = b"text/event-stream"


def event(name: str, data: bytes, id: str = "") -> bytes:
    """One event. Name and id are without line breaks; the data may have some, and arrives with them as LF."""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata:".join(data.splitlines())
    head = f"id:{id}\nevent:{name}\ndata:" if id else f"event:{name}\ndata:"
    return b"%b%b\n\n" % (head.encode(), data)
