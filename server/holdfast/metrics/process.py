"""What the operating system says of this process. Linux tells all of it, others a part."""

import os
import time
from pathlib import Path
from typing import Final

import msgspec

_PAGES: Final = Path("/proc/self/statm")
_FILES: Final = Path("/proc/self/fd")


class ProcessState(msgspec.Struct, frozen=True):
    """Bytes of memory that are held, seconds of CPU since the start, and open files; None where nobody says."""

    memory_bytes: int | None
    cpu_seconds: float
    open_files: int | None


def process_state() -> ProcessState:
    """The state now."""
    return ProcessState(_memory(), time.process_time(), _open_files())


def _memory() -> int | None:
    try:
        return int(_PAGES.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _open_files() -> int | None:
    try:
        return len(os.listdir(_FILES)) - 1  # one of them is this look
    except OSError:
        return None
