"""When a call is tried again, and after how long. Pure, but for chance."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

Repeatable: TypeAlias = Literal["always", "unsent", "never"]
"""`always`: doing it twice is doing it once. `unsent`: only if no byte of it can have reached the server."""

PASSING: Final = frozenset((429, 502, 503, 504))
STILL_RUNNING: Final = 409  # with Retry-After: the first request with this Idempotency-Key


class Retry(msgspec.Struct, frozen=True):
    """How long a call is tried, in seconds: the whole of it, the first wait at most, and any wait at most.

    A wait is a random part of a bound that doubles, so that many clients do not come back all at once.
    """

    seconds: float = 30.0
    first: float = 0.2
    longest: float = 5.0

    def wait(self, attempt: int, elapsed: float, asked: float | None = None) -> float | None:
        """How long to wait before the next try, `attempt` counting from 0; None if it is not worth one.

        `asked` is what the server has asked for, and a little more than that is waited.
        """
        from random import uniform  # takes longer to import than all of this, and most calls succeed

        bound = min(self.longest, self.first * 2.0 ** min(attempt, 30))
        seconds = uniform(bound / 4, bound)
        if asked is not None:
            seconds = asked + uniform(0, min(bound, 1.0))
        return None if elapsed + seconds > self.seconds else seconds


NO_RETRY: Final = Retry(seconds=0.0)


def is_passing(status: int, repeatable: Repeatable, asked: float | None) -> bool:
    """Whether another try may have another answer, and does no harm."""
    if status == 429 or (status == 503 and asked is not None):
        return repeatable != "never"  # the server has refused it before doing anything
    if repeatable != "always":
        return False
    return status in PASSING or (status == STILL_RUNNING and asked is not None)


def retry_after(header: str | None, now: float) -> float | None:
    """The seconds that a `Retry-After` header asks for; None if there is none that can be read."""
    if not header:
        return None
    if header.isascii() and header.isdigit():
        return float(header)
    from email.utils import parsedate_to_datetime  # a tenth of an import's time, for what seldom comes

    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (TypeError, ValueError):
        return None
