"""Server-sent events, read from bytes as they come."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Message(msgspec.Struct, frozen=True):
    """One message. `id` is the position in the log of events after it."""

    event: str
    data: str
    id: str


class EventReader:
    """Puts messages together. `position` is the newest id, which can come without a message."""

    def __init__(self, position: str = "") -> None:
        self.position = position
        self._rest = b""
        self._event = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Message]:
        """The messages that this piece completes."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            message = self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if message is not None:
                yield message

    def _line(self, line: str) -> Message | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            self.position = value
        return None

    def _complete(self) -> Message | None:
        event, data = self._event, "\n".join(self._data)
        self._event, self._data = "", []
        return Message(event or "message", data, self.position) if data else None
