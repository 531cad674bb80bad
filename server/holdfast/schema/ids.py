"""Ids of records: 15 characters of [a-z0-9] that sort in the order in which they were made."""

import secrets
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


class IdSource:
    """Makes ids that strictly grow within the process, also when the clock stands still or goes back."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self, milliseconds: int) -> str:
        """An id for this time, and greater than every one before it."""
        with self._lock:
            # A random step keeps the next id hard to guess when the time has not moved on.
            after = self._last + 1 + secrets.randbelow(_MAX_STEP)
            self._last = max(milliseconds * _RANDOM_SPAN + secrets.randbelow(_RANDOM_SPAN), after)
            return base36(self._last, ID_LENGTH)


_source: Final = IdSource()


def new_id() -> str:
    """A new record id: 8 characters of time, 7 of chance."""
    return _source.next(time.time_ns() // 1_000_000)


def base36(number: int, length: int) -> str:
    """A number in base 36, filled up with zeros on the left."""
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        digits.append(ID_CHARS[digit])
    return "".join(reversed(digits))
