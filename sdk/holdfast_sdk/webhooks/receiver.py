"""A receiver: each event is verified, handled once, and answered so that the server does the right thing next."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

from holdfast_sdk.webhooks.seen import Seen, SeenInMemory
from holdfast_sdk.webhooks.verification import TOLERANCE_SECONDS, Event, Headers, NotVerified, verify

Handle: TypeAlias = Callable[[Event], object]
"""Handles an event; a plain function or an `async def`. Whatever it raises means: send it again later."""

MOST_BYTES: Final = 1024 * 1024  # of a body; the server sends less
BUSY_RETRY_SECONDS: Final = 10
_log: Final = logging.getLogger("holdfast_sdk.webhooks")


@dataclass(frozen=True)
class Answer:
    """What to answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


HANDLED: Final = Answer(200)
REFUSED: Final = Answer(401, b"This request cannot be verified.")
TOO_LARGE: Final = Answer(413, b"This is too large.")
FAILED: Final = Answer(500, b"The event could not be handled.")
BUSY: Final = Answer(409, b"The event is being handled.", {"Retry-After": str(BUSY_RETRY_SECONDS)})


class Receiver:
    """Lets `handle` have each event once, as far as `seen` knows.

    Without `seen` the ids are kept in memory: that is for one process whose work does no harm when it is done twice.
    `replays`: an event that a superuser has had sent again is handled again.
    """

    def __init__(
        self,
        secrets: str | Sequence[str],
        handle: Handle,
        *,
        seen: Seen | None = None,
        tolerance: float = TOLERANCE_SECONDS,
        replays: bool = False,
    ) -> None:
        self._secrets = secrets
        self._handle = handle
        self._seen: Seen = SeenInMemory() if seen is None else seen
        self._tolerance = tolerance
        self._replays = replays

    def receive(self, body: bytes, headers: Headers) -> Answer:
        """Handle a request in the thread that has it, and say what to answer."""
        event = self._begin(body, headers)
        if isinstance(event, Answer):
            return event
        try:
            found = self._handle(event)
            if inspect.isawaitable(found):
                asyncio.run(_awaited(found))
        except Exception:
            return self._failed(event)
        except BaseException:
            self._seen.forget(event.id)
            raise
        self._seen.done(event.id)
        return HANDLED

    async def areceive(self, body: bytes, headers: Headers) -> Answer:
        """The same in an event loop. A plain function runs in a thread, and keeps nobody waiting."""
        event = self._begin(body, headers)
        if isinstance(event, Answer):
            return event
        try:
            if inspect.iscoroutinefunction(self._handle):
                await cast("Awaitable[object]", self._handle(event))
            else:
                found = await asyncio.to_thread(self._handle, event)
                if inspect.isawaitable(found):
                    await found
        except Exception:
            return self._failed(event)
        except BaseException:
            self._seen.forget(event.id)
            raise
        self._seen.done(event.id)
        return HANDLED

    def _begin(self, body: bytes, headers: Headers) -> Event | Answer:
        """The event that is to be handled, or what to answer at once."""
        if len(body) > MOST_BYTES:
            return TOO_LARGE
        try:
            event = verify(body, headers, self._secrets, self._tolerance)
        except NotVerified as failure:
            _log.warning("a webhook was refused: %s", failure)
            return REFUSED
        state = self._seen.begin(event.id)
        if state == "done" and not (event.replay and self._replays):
            return HANDLED
        # Not "handled": should the other one fail, this try would be the last.
        return BUSY if state == "busy" else event

    def _failed(self, event: Event) -> Answer:
        self._seen.forget(event.id)
        _log.exception("the event %s (%s) could not be handled", event.id, event.type)
        return FAILED


async def _awaited(found: Awaitable[object]) -> None:
    await found
