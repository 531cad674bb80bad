"""Slows down guessing: logins are counted per account and per address until they succeed, in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from holdfast.errors import RateLimited
from holdfast.http.peer import limit_key

WINDOW_SECONDS: Final = 300.0
PER_ACCOUNT: Final = 10  # failures within the window, after which the account is left alone for its rest
PER_ADDRESS: Final = 50
MOST_COUNTED: Final = 20_000  # keys; the one untouched for longest goes first


class _Count(msgspec.Struct):
    failures: int
    until: float  # on the monotonic clock


class Attempts:
    """The logins of the last WINDOW_SECONDS that did not succeed.

    Counted by the collection, the identity and the address alone: nothing else of a request can turn the key. An
    address that logged in to an account before is counted apart, so that nobody locks its owner out by guessing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._welcome: OrderedDict[str, None] = OrderedDict()

    def begin(self, account: str, address: str) -> None:
        """Count an attempt before it is made, so that many at once are no way round.

        Raises RateLimited with `Retry-After` when there were too many failures.
        """
        keys = self._keys(account, address)
        now = self._clock()
        for key, most in keys:
            found = self._counts.get(key)
            if found is not None and found.until > now and found.failures >= most:
                raise _limited(most, found.until - now)
        for key, _ in keys:
            self._count(key, now)

    def succeeded(self, account: str, address: str) -> None:
        """The attempt was none to guess: forget the account's failures, and this one of the address."""
        (of_account, _), (of_address, _) = self._keys(account, address)
        self._counts.pop(of_account, None)
        found = self._counts.get(of_address)
        if found is not None:
            found.failures -= 1
        self._welcome[f"{account} {limit_key(address)}"] = None
        if len(self._welcome) > MOST_COUNTED:
            self._welcome.popitem(last=False)

    def _keys(self, account: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
        network = limit_key(address)
        both = f"{account} {network}"
        return (
            (f"both {both}" if both in self._welcome else f"account {account}", PER_ACCOUNT),
            (f"address {network}", PER_ADDRESS),
        )

    def _count(self, key: str, now: float) -> None:
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
