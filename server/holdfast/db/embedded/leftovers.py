"""What an earlier PostgreSQL left behind: processes that still run, and lock files of ones that do not."""

import os
import signal
import time
from pathlib import Path
from typing import Final

from holdfast.db.embedded.places import PORT, Places

GRACE_SECONDS: Final = 30.0  # for an orphan that was told to stop when its server died
FORCE_SECONDS: Final = 10.0
_STEP: Final = 0.05  # seconds


def clear(places: Places) -> None:
    """Wait until no process of an earlier PostgreSQL uses the data, and remove the lock files that it left.

    Only the holder of the lock may call this: then whoever is still there has no server any more, and
    has either been told to stop already or lost its postmaster. One that does not go by itself is stopped.
    """
    if not _gone(places.data, seconds=1.0):
        for sign, seconds in ((signal.SIGINT, GRACE_SECONDS), (signal.SIGQUIT, FORCE_SECONDS), (signal.SIGKILL, 5.0)):
            for pid in _to_stop(places.data):
                _send(pid, sign)
            if _gone(places.data, seconds=seconds):
                break
    # PostgreSQL itself removes these only if their process id is free, and after a reboot or in a container
    # it soon belongs to somebody else.
    if Path("/proc/self/cwd").exists() and not users(places.data):
        for stale in (places.data / "postmaster.pid", places.socket / f".s.PGSQL.{PORT}.lock"):
            stale.unlink(missing_ok=True)


def users(data: Path) -> list[int]:
    """The processes that work in the data directory, which every process of PostgreSQL does. Empty without /proc."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == str(data):
                found.append(int(entry.name))
        except OSError:  # it ended, or is another user's
            continue
    return found


def _to_stop(data: Path) -> list[int]:
    """The postmaster alone if there is one, since it stops the others in order; else all."""
    running = users(data)
    try:
        postmaster = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return running
    return [postmaster] if postmaster in running else running


def _send(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def _gone(data: Path, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while users(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP)
    return True
