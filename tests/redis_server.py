"""A real Redis on a socket of its own, which a test may stop, freeze and start again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_SECONDS = 10.0


class RedisServer:
    """One `redis-server` that keeps nothing on the disk. `url` is where it is, whether it runs or not."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = ["--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "777", "--save", ""]
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL, cwd=self._socket.parent)
        deadline = time.monotonic() + START_SECONDS
        while not self._socket.exists():
            assert time.monotonic() < deadline, "redis-server does not start"
            assert self._process.poll() is None, "redis-server ended at once"
            time.sleep(0.01)

    def freeze(self) -> None:
        """Let it answer nothing more, with its socket open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None
        self._socket.unlink(missing_ok=True)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis for one test. Skips by name where there is none; fails where everything has to be there."""
    program = shutil.which("redis-server")
    if program is None:
        what = "redis-server is not installed: what several processes share through Redis is not tried"
        if os.environ.get("CI"):
            pytest.fail(what)
        pytest.skip(what)
    folder = Path(tempfile.mkdtemp(prefix="hf-redis-"))
    folder.chmod(0o711)
    server = RedisServer(program, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
