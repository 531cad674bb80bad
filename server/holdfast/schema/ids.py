"""Ids of records: 15 characters of [a-z0-9] that sort in the order in which they were made."""

import os
import threading
import time
from typing import Final

ID_CHARS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_LENGTH: Final = 15
ID_PATTERN: Final = "[a-z0-9]{15}"
_TIME_LENGTH: Final = 8  # base-36 digits of milliseconds since 1970: enough until the year 2059
_RANDOM_LENGTH: Final = ID_LENGTH - _TIME_LENGTH  # 36 ** 7: 78 thousand million ids within one millisecond
_RANDOM_SPAN: Final = 36**_RANDOM_LENGTH
_MAX_STEP: Final = 1 << 20
_PAIRS: Final = 36 * 36
_PAIR: Final = tuple(first + second for first in ID_CHARS for second in ID_CHARS)


class IdSource:
    """Makes ids that strictly grow within the process, also when the clock stands still or goes back."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self, milliseconds: int) -> str:
        """An id for this time, and greater than every one before it."""
        with self._lock:
            # 64 bits for a span of 37: what is left of evenness is more than anybody could count.
            chance = int.from_bytes(os.urandom(8))
            # A random step keeps the next id hard to guess when the time has not moved on.
            after = self._last + 1 + chance % _MAX_STEP
            self._last = max(milliseconds * _RANDOM_SPAN + chance % _RANDOM_SPAN, after)
            return base36(self._last, ID_LENGTH)


_source: Final = IdSource()


def new_id() -> str:
    """A new record id: 8 characters of time, 7 of chance."""
    return _source.next(time.time_ns() // 1_000_000)


def base36(number: int, length: int) -> str:
    """A number in base 36, filled up with zeros on the left."""
    pairs: list[str] = []
    for _ in range((length + 1) // 2):
        number, pair = divmod(number, _PAIRS)
        pairs.append(_PAIR[pair])
    pairs.reverse()
    return "".join(pairs)[length % 2 :]
