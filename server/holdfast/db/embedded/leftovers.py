"""What an earlier PostgreSQL left behind: processes that still run, and lock files of ones that do not."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from holdfast.db.embedded.places import PORT, Places

PROC: Final = Path("/proc")
GRACE_SECONDS: Final = 30.0  # for a postmaster that was told to stop when its server died: it writes a checkpoint
FORCE_SECONDS: Final = 5.0
_STEP: Final = 0.05  # seconds


class Leftover(msgspec.Struct, frozen=True):
    """The processes that use a data directory, and others called postgres of which that cannot be known."""

    ours: tuple[int, ...]
    unknown: tuple[int, ...]


def clear(places: Places, check: Callable[[], None] = lambda: None) -> None:
    """Wait until no process of an earlier PostgreSQL uses the data, and remove the lock files that it left.

    Only the holder of the lock may call this: then whoever is still there has no server any more, and
    has either been told to stop already or lost its postmaster. One that does not go by itself is stopped.
    Does nothing where there is no /proc: there PostgreSQL's own checks have to do. `check` is called while it waits,
    and may raise.
    """
    if not _gone(places.data, check, seconds=1.0):
        for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            running = find(places.data).ours
            postmaster = _postmaster(places.data)
            # The postmaster stops the others in order; if it is no more, each has to be told.
            for pid in (postmaster,) if postmaster in running else running:
                _send(pid, sign)
            patient = sign is signal.SIGINT and postmaster in running
            if _gone(places.data, check, seconds=GRACE_SECONDS if patient else FORCE_SECONDS):
                break
    # PostgreSQL removes these itself, but only if their process id is free, and after a reboot or in a
    # container it soon belongs to somebody else.
    if (PROC / "self").exists() and find(places.data) == Leftover((), ()):
        for stale in (places.data / "postmaster.pid", places.socket / f".s.PGSQL.{PORT}.lock"):
            stale.unlink(missing_ok=True)


def find(data: Path, proc: Path = PROC) -> Leftover:
    """The processes of PostgreSQL that work in the data directory, as all of them do.

    They run as its owner, so those of other users are passed over.
    """
    ours: list[int] = []
    unknown: list[int] = []
    for entry in proc.glob("[0-9]*"):
        try:
            if entry.stat().st_uid != data.stat().st_uid:
                continue
            if os.readlink(entry / "cwd") == str(data):
                ours.append(int(entry.name))
        except PermissionError:
            # Root in a container may not see where another user's process is; but what it is called anybody may.
            name, arguments = _read(entry / "comm"), _read(entry / "cmdline").split("\0")
            if str(data) in arguments:
                ours.append(int(entry.name))
            elif name.strip() == "postgres":
                unknown.append(int(entry.name))
        except OSError:  # it has ended, or nobody has waited for it yet
            continue
    return Leftover(tuple(sorted(ours)), tuple(sorted(unknown)))


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _postmaster(data: Path) -> int:
    """The process id in postmaster.pid; 0 if there is none."""
    try:
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _send(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def _gone(data: Path, check: Callable[[], None], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while find(data).ours:
        check()
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP)
    return True
