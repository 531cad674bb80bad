"""Ties a child's life to ours: when this process is killed, the child is told to stop."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

# Waits on a pipe whose other end we hold: it ends when we do, and then the child is told.
_WATCHDOG: Final = """
import os, signal, sys
os.read(0, 1)
try:
    os.kill(int(sys.argv[1]), signal.SIGINT)
except ProcessLookupError:
    pass
"""


def die_with_parent() -> Callable[[], None] | None:
    """What a child has to run before its program, so that it gets SIGINT when this process dies; Linux only.

    The signal comes when the *thread* that started the child ends: start it from the main thread. It has to
    be asked for after the child changed its user, as that takes it away; subprocess does so in this order.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded here, since a child after fork should load nothing
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return ask


class Watchdog:
    """The same where there is no prctl: a small process that waits for our end. Does nothing on Linux."""

    def __init__(self, *, needed: bool = not sys.platform.startswith("linux")) -> None:
        self._needed = needed
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, pid: int) -> None:
        """Send SIGINT to the process when we are gone."""
        if not self._needed:
            return
        self.stop()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCHDOG, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop waiting, because the other process has ended."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
