"""The records of an NDJSON file, one JSON object on each line, that comes in pieces. Pure."""

from typing import Any, Final

import msgspec

from holdfast.errors import Problem
from holdfast.transfer.unreadable import UnreadableFile

MAX_LINE_CHARS: Final = 64 << 20
NO_OBJECT: Final = Problem("validation_invalid_json", "This is no JSON object.")
JsonRecord = tuple[int, "dict[str, Any] | Problem"]
"""The line of a record, from 1, and its members, or what is wrong with the line."""


class JsonRecords:
    """Takes text and gives the records of the lines that are complete. Blank lines are none."""

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._chars = 0
        self._line = 0
        self._decode = msgspec.json.Decoder(dict[str, Any]).decode

    def feed(self, text: str, *, last: bool = False) -> list[JsonRecord]:
        """The records that end in this text. Raises UnreadableFile for a line that is far too long."""
        if "\n" not in text and not last:
            self._wait(text)
            return []
        lines = "".join((*self._pending, text)).split("\n")
        self._pending, self._chars = [], 0
        if not last:
            self._wait(lines.pop())
        found: list[JsonRecord] = []
        for line in lines:
            self._line += 1
            if line and not line.isspace():
                found.append((self._line, self._read(line)))
        return found

    def _wait(self, rest: str) -> None:
        self._pending.append(rest)
        self._chars += len(rest)
        if self._chars > MAX_LINE_CHARS:
            limit = MAX_LINE_CHARS >> 20
            raise UnreadableFile(self._line + 1, f"The line is longer than {limit} million characters.")

    def _read(self, line: str) -> dict[str, Any] | Problem:
        try:
            return self._decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
            return NO_OBJECT
