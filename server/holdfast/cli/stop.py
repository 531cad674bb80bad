"""The operator's order to stop, while the server still starts: a flag that every step of the start looks at.

Raising something from the signal's handler is no way: it comes between any two instructions, in the middle of an
import, of a callback, of a library's own clean-up, and is swallowed there or leaves something half done.
"""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
LOOK_SECONDS: Final = 0.05
Outcome = TypeVar("Outcome")


class Stop:
    """Whether we were told to stop."""

    def __init__(self) -> None:
        self.asked = False

    def heed(self) -> None:
        """From now on a signal is an order to stop, and nothing more. Only for the main thread."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def check(self) -> None:
        """End the start if we were told to: raises SystemExit, and what was started is stopped on the way out."""
        if self.asked:
            sys.exit(0)

    def run(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Run to its end what is async, and cancel it when we are told to stop."""
        return asyncio.run(self._watched(work))

    async def _watched(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.wait((task,), timeout=LOOK_SECONDS)
            if self.asked and not task.done():
                task.cancel()
                await asyncio.wait((task,))
        self.check()
        return task.result()
