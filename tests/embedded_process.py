"""Starts embedded_server.py as a process, and kills it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg

SCRIPT = Path(__file__).with_name("embedded_server.py")
SERVER = Path(__file__).parents[1] / "server"


class Process:
    """A running embedded_server.py, and what it said when it was ready."""

    def __init__(self, data: Path, *settings: str) -> None:
        self.data = data
        self.system = data.parent / "system"
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(data), str(self.system), *settings],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(SERVER), *sys.path])},
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.said: dict[str, Any] = json.loads(self._process.stdout.readline())

    @property
    def dsn(self) -> str:
        """The address that it gave."""
        return self.said["dsn"]

    def line(self) -> str:
        """The next thing that it reports."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def postmaster(self) -> int:
        """The process id of its PostgreSQL."""
        home = Path(self.dsn.partition("host=")[2].partition("&")[0])
        return int((home / "postmaster.pid").read_text().splitlines()[0])

    def kill(self) -> None:
        """SIGKILL: no chance to stop anything."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """SIGTERM, and wait; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        code = self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


async def ask(dsn: str, query: str) -> Any:
    """The one value that a query gives."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
