"""The lines of an import. Its twin in `..sync` is written by hand: there only one sort of iterable is left."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

from ..bodies import body_of


async def lines_of(records: AsyncIterable[Any] | Iterable[Any]) -> AsyncIterator[bytes]:
    """The records, each as a line of JSON."""
    if isinstance(records, AsyncIterable):
        async for record in records:
            yield body_of(record).json() + b"\n"
        return
    for record in records:
        yield body_of(record).json() + b"\n"
