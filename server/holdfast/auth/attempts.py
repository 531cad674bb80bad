"""Slows down guessing: failed logins are counted per account and per address, in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from holdfast.errors import RateLimited

WINDOW_SECONDS: Final = 300.0
PER_ACCOUNT: Final = 10  # failures within the window, after which the account is left alone for its rest
PER_ADDRESS: Final = 50
MOST_COUNTED: Final = 20_000  # keys; the one untouched for longest goes first


class _Count(msgspec.Struct):
    failures: int
    until: float  # on the monotonic clock


class Attempts:
    """The failed logins of the last WINDOW_SECONDS.

    Made of the collection, the identity and the address alone: nothing else of a request can turn the key.
    The right password resets the account's count, and not the address'.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def check(self, account: str, address: str) -> None:
        """Raise RateLimited with `Retry-After` when there were too many failures."""
        now = self._clock()
        for key, most in ((f"account {account}", PER_ACCOUNT), (f"address {address}", PER_ADDRESS)):
            found = self._counts.get(key)
            if found is not None and found.until > now and found.failures >= most:
                raise _limited(most, found.until - now)

    def failed(self, account: str, address: str) -> None:
        """Count a failure."""
        self._count(f"account {account}")
        self._count(f"address {address}")

    def succeeded(self, account: str) -> None:
        """Forget the account's failures."""
        self._counts.pop(f"account {account}", None)

    def _count(self, key: str) -> None:
        now = self._clock()
        found = self._counts.get(key)
        if found is None or found.until <= now:
            self._counts[key] = found = _Count(0, now + WINDOW_SECONDS)
        found.failures += 1
        self._counts.move_to_end(key)
        if len(self._counts) > MOST_COUNTED:
            self._counts.popitem(last=False)


def _limited(most: int, seconds: float) -> RateLimited:
    left = str(max(1, round(seconds)))
    return RateLimited(
        "Too many failed logins: wait a little and try again.",
        headers={
            "Retry-After": left,
            "RateLimit-Policy": f'"login";q={most};w={int(WINDOW_SECONDS)}',
            "RateLimit": f'"login";r=0;t={left}',
        },
    )
