"""The records of a CSV file (RFC 4180) that comes in pieces. Pure."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from holdfast.transfer.unreadable import UnreadableFile

MAX_RECORD_CHARS: Final = 64 << 20
DELIMITERS: Final = (",", ";", "\t")
Record = tuple[int, list[str]]
"""The line on which a record begins, from 1, and its cells."""


class CsvRecords:
    """Takes text and gives the records that are complete. Blank lines are none.

    The delimiter is the one given; else the one that the first line has most of.
    """

    def __init__(self, delimiter: str = "") -> None:
        # Of the whole process, and nobody else reads CSV: a cell may be as long as a record.
        csv.field_size_limit(MAX_RECORD_CHARS)
        self._delimiter = delimiter
        self._pending: list[str] = []
        self._chars = 0
        self._wanted = 1  # characters, before it is worth another try
        self._line = 0  # lines that have been read

    def feed(self, text: str, *, last: bool = False) -> list[Record]:
        """The records that end in this text. Raises UnreadableFile for what is no CSV."""
        self._pending.append(text)
        self._chars += len(text)
        if not last and self._chars < self._wanted:
            return []
        text = "".join(self._pending)
        end = len(text) if last else _last_line_end(text)
        found: list[Record] = []
        used = 0
        if end:
            found, used = self._read(text[:end], last=last)
        self._keep(text[used:])
        return found

    def _keep(self, rest: str) -> None:
        if len(rest) > MAX_RECORD_CHARS:
            limit = MAX_RECORD_CHARS >> 20
            message = f"The record is longer than {limit} million characters: is a quote not closed?"
            raise UnreadableFile(self._line + 1, message)
        self._pending = [rest] if rest else []
        self._chars = len(rest)
        self._wanted = 2 * len(rest) + 1  # a long record is read a few times, and not once for every piece of it

    def _read(self, text: str, *, last: bool) -> tuple[list[Record], int]:
        """The records in a text that ends with a line, and how much of it they are."""
        self._delimiter = self._delimiter or _likely_delimiter(text)
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        found: list[Record] = []
        before = 0
        try:
            for cells in reader:
                if cells:
                    found.append((self._line + before + 1, cells))
                before = reader.line_num
        except csv.Error as failure:
            begins = self._line + before + 1
            if not lines.at_end:
                raise UnreadableFile(begins, f"This is no CSV: {failure}.") from failure
            if last:
                raise UnreadableFile(begins, "A quote is opened here and never closed.") from failure
        self._line += before
        return found, len(text) if before == reader.line_num else lines.length_of(before)


class _Lines:
    """The lines of a text as CSV has them, with their ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at_end = False

    def __iter__(self) -> Iterator[str]:
        yield from io.StringIO(self._text, newline="")
        self.at_end = True

    def length_of(self, count: int) -> int:
        """How many characters the first lines have."""
        lines = io.StringIO(self._text, newline="")
        return sum(len(next(lines)) for _ in range(count))


def _last_line_end(text: str) -> int:
    """Where the last whole line ends. A carriage return at the very end may be half of an end."""
    return max(text.rfind("\n"), text.rfind("\r", 0, max(len(text) - 1, 0))) + 1


def _likely_delimiter(text: str) -> str:
    """The delimiter that stands most often in the first line outside quotes; a comma if none does."""
    quoted, counts = False, dict.fromkeys(DELIMITERS, 0)
    for char in text:
        if char == '"':
            quoted = not quoted
        elif char in "\r\n" and not quoted:
            break
        elif not quoted and char in counts:
            counts[char] += 1
    return max(DELIMITERS, key=lambda one: counts[one])
