"""The lines of an import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..bodies import body_of


def lines_of(records: Iterable[Any]) -> Iterator[bytes]:
    """The records, each as a line of JSON."""
    for record in records:
        yield body_of(record).json() + b"\n"
