"""The records of a JSON list, `[{…}, {…}]`, that comes in pieces. Pure."""

import json
import re
from typing import Any, Final

import msgspec

from holdfast.transfer.ndjson_reading import NO_OBJECT, JsonRecord
from holdfast.transfer.unreadable import UnreadableFile

MAX_RECORD_CHARS: Final = 64 << 20
_SPACE: Final = re.compile(r"[ \t\r\n]*")
# It says where a value ends, and nothing else: what the numbers are is of no interest to it.
_ends: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).raw_decode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_NO_LIST: Final = "This is no JSON list: it begins with [. With a record on each line it is NDJSON (format=ndjson)."
_AFTER: Final = "Something stands behind the end of the list."
_OPEN: Final = "The list is broken off here: a comma, a quote or a bracket is missing."


class JsonList:
    """Takes text and gives the records that are complete, with their numbers in the list, from 1, as their lines."""

    def __init__(self) -> None:
        self._rest = ""
        self._pending: list[str] = []
        self._chars = 0
        self._wanted = 1  # characters, before it is worth another try
        self._number = 0
        self._begun = False
        self._ended = False
        self._comma = False  # whether the last thing that was read was a comma

    def feed(self, text: str, *, last: bool = False) -> list[JsonRecord]:
        """The records that end in this text. Raises UnreadableFile for what is no JSON list."""
        self._pending.append(text)
        self._chars += len(text)
        if not last and self._chars < self._wanted:
            return []
        self._rest = "".join(self._pending)
        found: list[JsonRecord] = []
        at = self._begin()
        while not self._ended and (end := self._next(at, found)) is not None:
            at = end
        self._keep(at, last=last)
        return found

    def _begin(self) -> int:
        at = _past_space(self._rest, 0)
        if self._begun or at == len(self._rest):
            return at
        if self._rest[at] != "[":
            raise UnreadableFile(1, _NO_LIST)
        self._begun = True
        return at + 1

    def _next(self, at: int, found: list[JsonRecord]) -> int | None:
        """Read one record with what stands behind it, and say where that ends; None where it is not all there yet."""
        text = self._rest
        at = _past_space(text, at)
        if not self._begun or at == len(text):
            return None
        if text[at] == "]" and not self._comma:
            self._ended = True
            return at + 1
        try:
            _, end = _ends(text, at)
        except (json.JSONDecodeError, RecursionError):
            return None
        behind = _past_space(text, end)
        if behind == len(text):  # of a number there may be more
            return None
        if text[behind] not in ",]":
            raise UnreadableFile(self._number + 1, _OPEN)
        self._number += 1
        found.append((self._number, _read(text[at:end])))
        self._comma = text[behind] == ","
        self._ended = not self._comma
        return behind + 1

    def _keep(self, at: int, *, last: bool) -> None:
        rest = self._rest[at:]
        if self._ended and rest.strip():
            raise UnreadableFile(self._number, _AFTER)
        if last and not self._ended:
            raise UnreadableFile(self._number + 1, _OPEN if self._begun else _NO_LIST)
        if len(rest) > MAX_RECORD_CHARS:
            raise UnreadableFile(self._number + 1, _OPEN)
        self._pending = [] if self._ended else [rest]
        self._chars = 0 if self._ended else len(rest)
        self._wanted = 2 * self._chars + 1  # a long record is read a few times, and not once for every piece of it


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _read(text: str) -> Any:
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return NO_OBJECT
