"""The real server: `holdfast serve` in a process of its own, as an operator starts it."""

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx
import msgspec
import pytest

from holdfast.testing.postgres_host import EMAIL, PASSWORD, new_home

START_SECONDS = 60.0


class Served(msgspec.Struct, frozen=True):
    """A server that runs, and its superuser."""

    url: str
    email: str = EMAIL
    password: str = PASSWORD


class Server:
    """One `holdfast serve`. `lines` are what it has written so far, parsed where they are JSON.

    It finds a database with a superuser, as if it had been started before; with `first` it has to make all itself.
    """

    alive: ClassVar[set["Server"]] = set()

    def __init__(
        self, data: Path, *options: str, environment: Mapping[str, str] | None = None, first: bool = False
    ) -> None:
        if not (first or data.exists() or "DATABASE_URL" in (environment or {})):
            subprocess.run(["cp", "-a", started_before(), data], check=True)
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

    def wait_for(self, event: str, seconds: float = START_SECONDS, *, having: str = "event") -> dict[str, Any]:
        """The first line with this event, and with this key, as soon as it is written."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if event in str(line.get("event")) and having in line:
                    return line
            if self.process.poll() is not None:
                self.join()
                raise AssertionError(f"the server ended with {self.process.returncode}: {self.errors}{self.lines}")
            time.sleep(0.005)
        raise AssertionError(f"no {event!r} within {seconds} s: {self.lines}")

    def started(self) -> str:
        """Its address, as soon as it takes requests."""
        return str(self.wait_for("started", having="address")["address"])  # a plugin starts before

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


@functools.cache
def started_before() -> Path:
    """A data directory as a server leaves it: to make one takes two seconds of a processor, and to copy it none."""
    home = new_home()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    made = run("superuser", "upsert", EMAIL, PASSWORD, "--data", str(home / "data"), cwd=home)
    assert made.returncode == 0, made.stderr
    return home / "data"


def command(*arguments: str) -> list[str]:
    """The command line of a `holdfast` command in this environment."""
    return [sys.executable, "-m", "holdfast", *arguments]


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting, and with the package to test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    # Without kept bytecode every start compiles all that it imports: seconds that no operator waits for.
    for name in ("DATABASE_URL", "REDIS_URL", "PYTHONDONTWRITEBYTECODE"):
        kept.pop(name, None)
    root = Path(__file__).parents[1]
    return kept | {"PYTHONPATH": f"{root / 'server'}{os.pathsep}{root / 'sdk'}"}


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
def server_of_all() -> Iterator[Server]:
    """One server for all tests that only talk to it, with a superuser."""
    allowed = {"HOLDFAST_OUTBOUND_ALLOW": "127.0.0.0/8", "HOLDFAST_SQL_CONSOLE": "write"}
    folder = new_home()
    server = Server(folder / "data", "--port", "0", environment=allowed)
    try:
        server.started()
        yield server
        assert server.stop() == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def served(server_of_all: Server) -> Iterator[Served]:
    """The server of all, for the tests of a file: what they define, set, and leave in `users` is gone after them.

    Whatever they ask, the server has no fault: the file fails with what it has logged.
    """
    served, before = Served(server_of_all.started()), len(server_of_all.lines)
    with superuser(served) as client:
        found = Arrangement.of(client)
    yield served
    with superuser(served) as client:
        found.put_back(client)
    faults = [line for line in server_of_all.lines[before:] if line.get("status") == 500 or "exception" in line]
    assert faults == []


@contextmanager
def superuser(served: Served) -> Generator[httpx.Client]:
    """The server's API, asked as its superuser."""
    with httpx.Client(base_url=f"{served.url}/api", timeout=60) as client:
        body = {"identity": served.email, "password": served.password}
        answer = client.post("/collections/_superusers/auth-with-password", json=body)
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = answer.json()["token"]
        yield client


class Arrangement(msgspec.Struct, frozen=True):
    """What a server has that its tests could stumble over, as the API has it: collections, settings, ids of roles."""

    collections: list[dict[str, Any]]
    settings: dict[str, Any]
    roles: set[str]

    @staticmethod
    def of(client: httpx.Client) -> "Arrangement":
        """That of a server."""
        listed = client.get("/collections", params={"perPage": 500})
        settings, roles = client.get("/settings"), client.get("/roles")
        assert (listed.status_code, settings.status_code, roles.status_code) == (200, 200, 200), listed.text
        return Arrangement(listed.json()["items"], settings.json(), {one["id"] for one in roles.json()["items"]})

    def put_back(self, client: httpx.Client) -> None:
        """Let a server be as it was, without anybody in `users`, and its console as nobody has chosen it."""
        now = Arrangement.of(client)
        for id in now.roles - self.roles:
            answer = client.delete(f"/roles/{id}")
            assert answer.status_code == 204, answer.text
        if now.collections != self.collections:
            body = {"collections": self.collections, "deleteMissing": True}
            answer = client.put("/collections/import", params={"ruleTests": "skip"}, json=body)
            assert answer.status_code == 204, answer.text
        answer = client.delete("/collections/users/truncate")
        assert answer.status_code == 204, answer.text
        answer = client.put("/console/preferences", json={"theme": "system", "times": "local"})
        assert answer.status_code == 204, answer.text
        changed = {name: value for name, value in self.settings.items() if value != now.settings.get(name)}
        if changed:
            answer = client.patch("/settings", json=changed)
            assert answer.status_code == 200, answer.text
