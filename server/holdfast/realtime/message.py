"""Messages as server-sent events."""

from typing import Final

import msgspec

HEARTBEAT: Final = b":\n\n"
RETRY: Final = b"retry:1000\n\n"  # the last thing on a line that the server closes: come again in so many milliseconds
EVENT_STREAM: Final = b"text/event-stream"


def reached(position: str) -> bytes:
    """That the client has heard everything up to a position, without a message: it will say so when it comes again."""
    return f"id:{position}\n\n".encode()


def event(name: str, data: bytes, id: str = "") -> bytes:
    """One event. Name and id are without line breaks; the data may have some, and arrives with them as LF."""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata:".join(data.splitlines())
    head = f"id:{id}\nevent:{name}\ndata:" if id else f"event:{name}\ndata:"
    return b"%b%b\n\n" % (head.encode(), data)


def frames(data: bytes) -> list[str]:
    """Events as JSON texts for a WebSocket: `{"event":…,"id":…,"data":…}`. Comments are left out."""
    return [text for block in data.decode().split("\n\n") if (text := _frame(block))]


def _frame(block: str) -> str:
    found: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, rest = line.partition(":")
        found.setdefault(name, []).append(rest)
    if "data" not in found:
        return ""
    head = {"event": found["event"][0], **({"id": found["id"][0]} if "id" in found else {})}
    return f'{msgspec.json.encode(head).decode()[:-1]},"data":{"".join(found["data"])}}}'
