"""Slows down whoever asks for nothing again and again, so that time tells them less about what they may not see."""

import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from holdfast.http.peer import limit_key
from holdfast.http.request import Request

FREE: Final = 3  # empty answers within the window, as in PocketBase
WINDOW_SECONDS: Final = 3.0
SHORTEST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 0.5
MOST_KEPT: Final = 10_000  # callers; the one who asked longest ago goes first


class Slowing:
    """Counts the empty answers of each caller, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._random = random.SystemRandom()
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def pause(self, request: Request) -> float:
        """Count one empty answer; returns for how many seconds to hold it back, mostly 0.

        After FREE of them within WINDOW_SECONDS it is a random time between SHORTEST_SECONDS and LONGEST_SECONDS.
        """
        who = request.principal
        key = limit_key(request.client) if who.kind == "guest" else who.key
        times = self._times.setdefault(key, deque(maxlen=FREE))
        self._times.move_to_end(key)
        if len(self._times) > MOST_KEPT:
            self._times.popitem(last=False)
        now = self._clock()
        often = len(times) == FREE and now - times[0] < WINDOW_SECONDS
        times.append(now)
        return self._random.uniform(SHORTEST_SECONDS, LONGEST_SECONDS) if often else 0.0

    def __len__(self) -> int:
        return len(self._times)
