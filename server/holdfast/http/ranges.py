"""The part of a file that a request asks for: Range and the conditions that go with it (RFC 9110, 13 and 14). Pure."""

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

import msgspec

from holdfast.http.request import Request

_RANGE: Final = re.compile(r"bytes\s*=\s*(?:(\d{1,18})\s*-\s*(\d{1,18})?|-\s*(\d{1,18}))")


class Part(msgspec.Struct, frozen=True):
    """Bytes of a file, from `start` up to, without, `end`."""

    start: int
    end: int


class NoSuchPart(Exception):
    """The file ends before the part that was asked for."""


def read_range(header: str, size: int) -> Part | None:
    """The one part that a `Range` header asks for; None for the whole file.

    More than one part at a time is answered with the whole file, as is what cannot be read: a server may do that.
    Raises NoSuchPart.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        return None
    first, last, suffix = found.groups()
    if first is None:
        length = min(int(suffix), size)
        if length == 0:
            raise NoSuchPart
        return Part(size - length, size)
    start = int(first)
    end = size if last is None else min(int(last) + 1, size)
    if last is not None and int(last) < start:
        return None
    if start >= size:
        raise NoSuchPart
    return Part(start, end)


def wanted_part(request: Request, size: int, tag: bytes, created: int) -> Part | None:
    """The same for a request, whose `If-Range` may say that it is about another file by now. Raises NoSuchPart."""
    header = request.header(b"range")
    if not header:
        return None
    condition = request.headers.get(b"if-range", b"").strip()
    if condition and condition != tag and condition != http_date(created):
        return None
    return read_range(header, size)


def is_unchanged(request: Request, tag: bytes, created: int) -> bool:
    """Whether the client has the file already."""
    known = request.headers.get(b"if-none-match")
    if known is not None:
        return any(one.strip().removeprefix(b"W/") in (tag, b"*") for one in known.split(b","))
    since = request.header(b"if-modified-since")
    if not since:
        return False
    try:
        return created <= parsedate_to_datetime(since).timestamp()
    except (ValueError, OverflowError):
        return False


def http_date(seconds: int) -> bytes:
    """A moment as HTTP headers have it."""
    return formatdate(seconds, usegmt=True).encode()
