"""The running PostgreSQL: started as our direct child, watched, and stopped in order."""

import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from holdfast.db.embedded.account import Account
from holdfast.db.embedded.binaries import Binaries
from holdfast.db.embedded.cluster import last_words
from holdfast.db.embedded.error import EmbeddedError, file_error
from holdfast.db.embedded.life import Watchdog, die_with_parent
from holdfast.db.embedded.places import PORT, Places, make_socket_directory

STOP_SECONDS: Final = 30.0  # for a fast shutdown, which waits for a checkpoint
QUIT_SECONDS: Final = 10.0  # for an immediate one, after which the next start recovers
RETRY_SECONDS: Final = 0.5
MAX_TRIES: Final = 20  # for the last processes of a killed one to end
_STILL_USED: Final = "pre-existing shared memory block"  # PostgreSQL's words; LC_ALL=C keeps them English

_NOT_YET: Final = b"the database system is"  # ... starting up, in recovery mode: said to those who come early


class Postmaster:
    """One run of PostgreSQL on one data directory."""

    def __init__(self, places: Places, account: Account, binaries: Binaries, settings: Mapping[str, str]) -> None:
        self._places = places
        self._account = account
        self._binaries = binaries
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog = Watchdog()
        self._tries = 0
        self._launched = 0.0
        self._logged: dict[str, int] = {}

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def launch(self) -> None:
        """Start it, without waiting until it answers.

        Raises RuntimeError outside the main thread: PostgreSQL would stop with the thread that started it.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("PostgreSQL has to be started from the main thread")
        self._launched = time.monotonic()
        self._logged = {log.name: log.stat().st_size for log in self._places.logs.glob("*.log")}
        make_socket_directory(self._places, self._account)
        options = {"port": str(PORT), "unix_socket_directories": f'"{self._places.socket}"', **self._settings}
        arguments = [part for key, content in options.items() for part in ("-c", f"{key}={content}")]
        try:
            log = self._places.start_log.open("wb")
        except OSError as failure:
            raise file_error("The log", self._places.start_log, failure) from failure
        with log, warnings.catch_warnings():
            # Python 3.12 warns of preexec_fn beside threads; this one takes no lock that a thread could hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = self._account.popen(
                (self._binaries.program("postgres"), "-D", self._places.data, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the server, which then stops this in order
                preexec_fn=die_with_parent(),
            )
        self._watchdog.watch(self._process.pid)

    def check(self) -> None:
        """See that it has not ended while it was starting.

        Where processes of a killed one still end, it is started once more. Else raises EmbeddedError with
        PostgreSQL's own reason.
        """
        if self.pid is not None:
            return
        reason = self._reason()
        if _STILL_USED not in reason or self._tries >= MAX_TRIES:
            raise EmbeddedError(f"PostgreSQL cannot start: {reason}")
        if time.monotonic() >= self._launched + RETRY_SECONDS:
            self._tries += 1
            self.launch()

    def _reason(self) -> str:
        """Why it ended: what it said at once, else what it wrote to its log since it was launched."""
        said = _read(self._places.start_log, 0)
        if b"FATAL:" not in said:
            for log in self._places.logs.glob("*.log"):
                said += _read(log, self._logged.get(log.name, 0))
        lines = [line for line in said.splitlines() if _NOT_YET not in line]
        return last_words(b"\n".join(lines))

    def stop(self) -> None:
        """Stop it in order; if it does not go, at once, so that the next start recovers."""
        if self._process is None:
            return
        for sign, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, QUIT_SECONDS), (signal.SIGKILL, 5.0)):
            if self._process.poll() is not None:
                break
            self._process.send_signal(sign)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self._watchdog.stop()
        self._process = None


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(1 << 20)
    except OSError:
        return b""
