"""What has happened and is not written yet: a bounded list, to which a request adds and for which it never waits."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from holdfast.observe import Observer, RequestSeen

MOST_WAITING: Final = 10_000  # lines; a database that is away leaves no more than about 10 MB here
FIRST_SECOND: Final = 200  # lines, before the options are known
Waiting: TypeAlias = RequestSeen | tuple[float, Mapping[str, Any]]
"""A request, or when something else was logged, with its fields."""


class Buffer:
    """An observer that keeps what it is told until somebody takes it, and passes it on to another.

    In a second at most `room` requests are kept, and as many other lines; faults of the server always are while there
    is space. What is not kept is counted.
    """

    def __init__(self, after: Observer) -> None:
        self._after = after
        self._waiting: deque[Waiting] = deque()
        self._requests_left = FIRST_SECOND
        self._events_left = FIRST_SECOND
        self._dropped = 0
        self._lock = threading.Lock()  # of the count: lines come from other threads, too

    def __len__(self) -> int:
        return len(self._waiting)

    def request(self, seen: RequestSeen) -> None:
        """Keep a request. This is on every request's way, so it does nothing else."""
        self._after.request(seen)
        if self._requests_left > 0:
            self._requests_left -= 1
            self._waiting.append(seen)
        elif seen.status >= 500 and len(self._waiting) < MOST_WAITING:
            self._waiting.append(seen)
        else:
            self._dropped += 1

    def event(self, fields: Mapping[str, Any]) -> None:
        """Keep another line. May be called from any thread."""
        with self._lock:
            if self._events_left <= 0:
                self._dropped += 1
                return
            self._events_left -= 1
        self._waiting.append((time.time(), fields))

    def take(self, room: int) -> tuple[list[Waiting], int]:
        """All that waits, oldest first, and how much was dropped since the last time; `room` is for the next second."""
        found = [self._waiting.popleft() for _ in range(len(self._waiting))]
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            self._requests_left = self._events_left = room
        return found, dropped

    def put_back(self, lines: list[Waiting], dropped: int) -> None:
        """Take lines again that could not be written; those for which there is no space are counted as dropped."""
        space = max(MOST_WAITING - len(self._waiting), 0)
        kept = lines[len(lines) - space :] if space < len(lines) else lines
        self._waiting.extendleft(reversed(kept))
        with self._lock:
            self._dropped += dropped + len(lines) - len(kept)
            self._requests_left = self._events_left = min(self._requests_left, MOST_WAITING - len(self._waiting))
