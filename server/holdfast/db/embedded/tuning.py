"""The settings that the embedded PostgreSQL runs with."""

import os
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024  # bytes
MAX_SHARED_BUFFERS: Final = 256 * MIB
MIN_SHARED_MEMORY: Final = 64 * MIB  # of /dev/shm; containers have 64 MB, or less

# What decides whether a commit survives a crash (fsync, full_page_writes, synchronous_commit) is left alone.
FIXED: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "cluster_name": "holdfast",
    "wal_level": "replica",
    "max_wal_size": "1GB",
    "jit": "off",  # costs more than it gives for statements of milliseconds
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",  # by weekday, so that a week is kept
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


def settings_for(*, memory: int, shared: int | None, max_connections: int) -> dict[str, str]:
    """The settings for a machine with this much memory and shared memory, in bytes; None if there is no /dev/shm."""
    found = FIXED | {
        "max_connections": str(max_connections),
        "shared_buffers": f"{max(min(memory // 4, MAX_SHARED_BUFFERS) // MIB, 16)}MB",
    }
    if shared is not None and shared < MIN_SHARED_MEMORY:
        found["dynamic_shared_memory_type"] = "mmap"
    return found


def memory_bytes() -> int:
    """The memory that this process may use: the machine's, or its container's."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdigit() else machine


def shared_memory_bytes() -> int | None:
    """The size of /dev/shm; None where there is no such thing."""
    try:
        found = os.statvfs("/dev/shm")
    except OSError:
        return None
    return found.f_frsize * found.f_blocks
