"""The real server: `holdfast serve` in a process of its own, as an operator starts it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

EMAIL = "superuser@example.com"
PASSWORD = "correct horse battery"
START_SECONDS = 60.0


class Served(msgspec.Struct, frozen=True):
    """A server that runs, and its superuser."""

    url: str
    email: str = EMAIL
    password: str = PASSWORD


class Server:
    """One `holdfast serve`. `lines` are what it has written so far, parsed where they are JSON."""

    alive: ClassVar[set["Server"]] = set()

    def __init__(self, data: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.lines: list[dict[str, Any]] = []
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command("serve", "--data", str(data), *options),
            env=clean_environment() | {"HOLDFAST_LOG_FORMAT": "json", **(environment or {})},
            cwd=data.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        Server.alive.add(self)
        self._errors: list[bytes] = []
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"event": line.decode(errors="replace")})

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self._errors.extend(self.process.stderr)

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        return b"".join(self._errors).decode(errors="replace")

    def wait_for(self, event: str, seconds: float = START_SECONDS) -> dict[str, Any]:
        """The first line with this event, as soon as it is written."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if event in str(line.get("event")):
                    return line
            if self.process.poll() is not None:
                self.join()
                raise AssertionError(f"the server ended with {self.process.returncode}: {self.errors}{self.lines}")
            time.sleep(0.005)
        raise AssertionError(f"no {event!r} within {seconds} s: {self.lines}")

    def started(self) -> str:
        """Its address, as soon as it takes requests."""
        return str(self.wait_for("started")["address"])

    def signal(self, number: int) -> None:
        """Send a signal to the first process."""
        self.process.send_signal(number)

    def stop(self, seconds: float = 30.0) -> int:
        """Stop it in order; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.ended(seconds)

    def ended(self, seconds: float = 30.0) -> int:
        """Wait for its end; its exit code."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop within {seconds} s: {self.lines[-5:]}") from None
        self.join()
        return code

    def join(self) -> None:
        """Wait until all that it wrote is read."""
        Server.alive.discard(self)
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def command(*arguments: str) -> list[str]:
    """The command line of a `holdfast` command in this environment."""
    return [sys.executable, "-m", "holdfast", *arguments]


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting, and with the package to test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    # Without kept bytecode every start compiles all that it imports: seconds that no operator waits for.
    for name in ("DATABASE_URL", "REDIS_URL", "PYTHONDONTWRITEBYTECODE"):
        kept.pop(name, None)
    return kept | {"PYTHONPATH": str(Path(__file__).parents[1] / "server")}


def run(*arguments: str, cwd: Path, environment: Mapping[str, str] | None = None, given: str = "") -> Any:
    """Run a command to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=clean_environment() | dict(environment or {}),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(autouse=True)
def no_server_left() -> Iterator[None]:
    """A test that fails leaves no server behind."""
    before = set(Server.alive)
    yield
    for server in Server.alive - before:
        server.stop()


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """One server for all tests that only talk to it, with a superuser."""
    made = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    made["HOLDFAST_OUTBOUND_ALLOW"] = "127.0.0.0/8"  # OAuth2 providers of the tests are on this machine
    folder = Path(tempfile.mkdtemp(prefix="hf-test-"))
    folder.chmod(0o711)  # root's PostgreSQL runs as another user
    server = Server(folder / "data", "--port", "0", environment=made)
    try:
        yield Served(server.started())
        assert server.stop() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
