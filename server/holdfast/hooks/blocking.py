"""Notices when the event loop stands still, and names the plugin whose code keeps it."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Final

import structlog

BEAT_SECONDS: Final = 0.25
BLOCKED_SECONDS: Final = 0.5  # without a sign of the loop: other requests have waited for so long already
_log: Final = structlog.get_logger("holdfast.plugins")


class Watch:
    """A thread that looks after the loop in which it was started.

    `owners` has for each name of a plugin the beginnings of its modules' names; it is asked each time, since plugins
    are loaded anew in development.
    """

    def __init__(self, owners: Callable[[], Mapping[str, str]]) -> None:
        self._owners = owners
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._beaten = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch the event loop", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def _beat(self) -> None:
        self._beaten = time.monotonic()

    def _run(self) -> None:
        told = 0.0
        while not self._ended.wait(BEAT_SECONDS):
            beaten = self._beaten
            if time.monotonic() - beaten > BLOCKED_SECONDS + BEAT_SECONDS and told != beaten:
                told = beaten
                self._tell()
            try:
                self._loop.call_soon_threadsafe(self._beat)
            except RuntimeError:  # the loop is closed
                return

    def _tell(self) -> None:
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]  (documented, for debuggers such as this)
        found = owner_of(frames.get(self._thread_id), self._owners())
        if found is None:
            return  # it is not a plugin: the server's own work, or a machine that has too much to do
        plugin, place = found
        seconds = round(time.monotonic() - self._beaten, 1)
        _log.error("a plugin blocks the event loop: nobody else is served", plugin=plugin, place=place, seconds=seconds)


def owner_of(frame: FrameType | None, owners: Mapping[str, str]) -> tuple[str, str] | None:
    """The plugin that runs, and at which line; None if none does. `owners` is module name to plugin."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        for prefix, plugin in owners.items():
            if module == prefix or module.startswith(prefix + "."):
                return plugin, f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None
