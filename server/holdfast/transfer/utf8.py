"""The bytes of a file as text: UTF-8, with or without a byte order mark, and nothing else."""

import codecs
from typing import Final

from holdfast.transfer.unreadable import UnreadableFile

_OTHERS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_LOOKED_AT: Final = 512  # bytes, for a NUL: no text has one, and UTF-16 without a mark has many


class Utf8:
    """Reads text out of bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._head: bytes | None = b""
        self._line = 1

    def feed(self, data: bytes, *, last: bool = False) -> str:
        """The text of these bytes. Raises UnreadableFile for what is no UTF-8."""
        if self._head is not None:
            data = self._head + data
            if len(data) < 4 and not last:  # the longest mark
                self._head = data
                return ""
            data = _without_mark(data)
            self._head = None
        try:
            text = self._decoder.decode(data, last)
        except UnicodeDecodeError as failure:
            line = self._line + failure.object[: failure.start].count(b"\n")
            raise UnreadableFile(line, "It is no UTF-8: save the file as UTF-8 and try again.") from failure
        self._line += text.count("\n")
        return text


def _without_mark(data: bytes) -> bytes:
    """The first bytes of a file without the mark. Raises UnreadableFile for another encoding."""
    for mark, encoding in _OTHERS:
        if data.startswith(mark):
            raise UnreadableFile(1, f"The file is {encoding}: save it as UTF-8 and try again.")
    if b"\0" in data[:_LOOKED_AT]:
        raise UnreadableFile(1, "The file holds NUL characters, as UTF-16 does: save it as UTF-8 and try again.")
    return data.removeprefix(codecs.BOM_UTF8)
