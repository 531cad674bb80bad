"""The machine under the server: disk, open files, the data directory."""

import os
import resource
import shutil
from pathlib import Path
from typing import Final

from holdfast.config import Settings
from holdfast.doctor.finding import Finding, broken, ok, warning

GIB: Final = 1024**3  # bytes
LOW_DISK_BYTES: Final = 2 * GIB
FULL_DISK_BYTES: Final = GIB // 4  # PostgreSQL writes WAL of up to 1 GB between checkpoints and stops when it cannot
FEW_FILES: Final = 1024  # open files; each client, each database connection and each socket is one


def machine(settings: Settings) -> list[Finding]:
    """What the operating system says; nothing is asked of the database."""
    return [disk(settings.data, _free_bytes(settings.data)), files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])]


def disk(data: Path, free: int) -> Finding:
    """Whether there is room for data to grow."""
    found = f"{free / GIB:.1f} GiB free for {data}"
    if free < FULL_DISK_BYTES:
        return broken("disk", found, "Free some space now: PostgreSQL stops when it cannot write.")
    if free < LOW_DISK_BYTES:
        return warning("disk", found, "Free some space, or move the data directory to a larger disk.")
    return ok("disk", found)


def files(limit: int) -> Finding:
    """Whether enough clients can be connected at once."""
    if limit == resource.RLIM_INFINITY:
        return ok("open files", "no limit")
    if limit < FEW_FILES:
        return warning(
            "open files",
            f"at most {limit} per process",
            "Raise the limit (ulimit -n 65536, or LimitNOFILE= of systemd): each connected client needs one.",
        )
    return ok("open files", f"at most {limit} per process")


def _free_bytes(path: Path) -> int:
    """Of the disk that the path lies on, or would lie on."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(os.fspath(path)).free
