"""What an attempt came to, and what follows from it. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.outbound.client import Received
from holdfast.webhooks.circuit import Circuit
from holdfast.webhooks.schedule import next_wait, read_retry_after

Ending: TypeAlias = Literal["delivered", "again", "dead"]
GONE: Final = 410
BUSY: Final = frozenset((429, 502, 503, 504))
"""What a receiver, or the proxy in front of it, answers when it has too much to do."""
MOST_BODY_BYTES: Final = 4096  # of an answer, that are kept
_SHOWN_HEADERS: Final = 20
_HEADER_CHARS: Final = 1000


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer.

    `error` says why when none came, and `status` is None then; or why no end of it came, and there is a `status`.
    """

    ms: int
    status: int | None = None
    error: str = ""
    headers: Mapping[str, str] = {}
    body: str = ""
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300 and not self.error

    @property
    def reason(self) -> str:
        """Why it is no success, in a few words."""
        return self.error or f"The receiver answered {self.status}."


class Outcome(msgspec.Struct, frozen=True):
    """What becomes of a delivery and of its endpoint. `wait` is in seconds; `counts`: it has used up a try."""

    ending: Ending
    circuit: Circuit
    wait: float = 0.0
    counts: bool = True
    is_gone: bool = False


def answered(received: Received, ms: int, now: datetime, error: str = "") -> Attempt:
    """The attempt that an answer came to. Of the body the beginning is kept, as text; `error`: why it has no end."""
    headers = list(received.headers.items())[:_SHOWN_HEADERS]
    return Attempt(
        ms=ms,
        status=received.status,
        error=storable(error),
        headers={storable(name): storable(content[:_HEADER_CHARS]) for name, content in headers},
        body=storable(received.body[:MOST_BODY_BYTES].decode("utf-8", "replace")),
        retry_after=read_retry_after(received.headers.get("retry-after", ""), now),
    )


def storable(text: str) -> str:
    """A text as PostgreSQL can keep it: what a receiver sends may hold NUL, or bytes that are no UTF-8."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def outcome(attempt: Attempt, tried: int, circuit: Circuit, now: float, chance: Callable[[], float]) -> Outcome:
    """What follows from an attempt at a delivery that has been tried so often before.

    While the circuit is open an attempt is a probe, and uses up no try: the delivery waits for the circuit.
    """
    if attempt.is_success:
        return Outcome("delivered", circuit.succeeded())
    busy = attempt.status in BUSY
    after = circuit.failed(now, chance, attempt.retry_after or 0.0, attempt.ms / 1000, busy=busy)
    if attempt.status == GONE:
        return Outcome("dead", after, is_gone=True)
    if circuit.is_open:
        return Outcome("again", after, counts=False)
    wait = next_wait(tried + 1, chance, attempt.retry_after)
    return Outcome("dead", after) if wait is None else Outcome("again", after, wait)
