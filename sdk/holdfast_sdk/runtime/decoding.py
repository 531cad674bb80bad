"""Reads JSON as a type, whose decoder is made once: that is the dear part."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import msgspec

from .errors import UnreadableAnswer
from .values import read_special

T = TypeVar("T")


def read(body: bytes, kind: type[T]) -> T:
    """The JSON as that type. Raises UnreadableAnswer."""
    key: Any = kind  # mypy takes no type for what can be a key
    try:
        found: T = _decoder(key).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise UnreadableAnswer(f"{failure}. Is the package older than the collections?") from failure
    return found


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=read_special)
