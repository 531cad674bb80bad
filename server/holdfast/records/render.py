"""The body of a read: what PostgreSQL wrote, passed on as bytes, in the envelope of the request."""

from hashlib import blake2b
from typing import Final

import msgspec

_TAG_BYTES: Final = 8


def compact(body: bytes, *, spaced: bool) -> bytes:
    """The JSON without the spaces that PostgreSQL writes into jsonb."""
    return msgspec.json.format(body, indent=-1) if spaced else body


def render_page(items: str | None, page: int, per_page: int, total: int | None, *, estimate: bool = False) -> bytes:
    """A numbered page; the totals are -1 where nothing was counted."""
    totals = (-1, -1) if total is None else (total, -(-total // per_page))
    body = b'],"page":%d,"perPage":%d,"totalItems":%d,"totalPages":%d' % (page, per_page, *totals)
    end = b',"totalIsEstimate":true}' if estimate else b"}"
    return b"".join((b'{"items":[', (items or "").encode(), body, end))


def render_walk(items: str | None, per_page: int, cursor: str | None) -> bytes:
    """A page by cursor; `nextCursor` is null at the end."""
    after = b"null" if cursor is None else b'"%b"' % cursor.encode("ascii")
    return b'{"items":[%b],"perPage":%d,"nextCursor":%b}' % ((items or "").encode(), per_page, after)


def render_groups(items: str | None) -> bytes:
    """The groups of an aggregate."""
    return b'{"items":[%b]}' % (items or "").encode()


def is_nothing(items: str | None) -> bool:
    """Whether an aggregate met no record: no group, or one without a group's keys in which all is 0 or null."""
    if items is None:
        return True
    try:
        return not any(msgspec.json.decode(items, type=dict[str, object]).values())
    except msgspec.DecodeError:  # more than one group
        return False


def etag(version: str | None, body: bytes) -> bytes:
    """The tag of one record as it is shown: `"<version>-<hash>"`, or the hash alone where rows have no version.

    The version is the row's own and serves If-Match; the hash tells answers apart that differ in fields, in what
    is expanded, or in who asks.
    """
    digest = blake2b(body, digest_size=_TAG_BYTES).hexdigest()
    return f'"{version}-{digest}"'.encode() if version else f'"{digest}"'.encode()


def is_match(tag: bytes, header: bytes) -> bool:
    """Whether an `If-None-Match` header names the tag. Tags are compared weakly, as RFC 9110 wants it there."""
    if header.strip() == b"*":
        return True
    return any(one.strip().removeprefix(b"W/") == tag for one in header.split(b","))
