"""The running PostgreSQL: started as our direct child, watched, and stopped in order."""

import signal
import subprocess
from collections.abc import Mapping

from holdfast.db.embedded.account import Account
from holdfast.db.embedded.binaries import Binaries
from holdfast.db.embedded.cluster import last_words
from holdfast.db.embedded.error import EmbeddedError, file_error
from holdfast.db.embedded.life import Watchdog, die_with_parent
from holdfast.db.embedded.places import PORT, Places, make_socket_directory

STOP_SECONDS = 30.0  # for a fast shutdown, which waits for a checkpoint
QUIT_SECONDS = 10.0  # for an immediate one, after which the next start recovers


class Postmaster:
    """One run of PostgreSQL on one data directory."""

    def __init__(self, places: Places, account: Account, binaries: Binaries, settings: Mapping[str, str]) -> None:
        self._places = places
        self._account = account
        self._binaries = binaries
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog = Watchdog()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def launch(self) -> None:
        """Start it, without waiting until it answers. Call this from the main thread (holdfast.db.embedded.life)."""
        make_socket_directory(self._places, self._account)
        options = {"port": str(PORT), "unix_socket_directories": f'"{self._places.socket}"', **self._settings}
        arguments = [part for key, content in options.items() for part in ("-c", f"{key}={content}")]
        try:
            log = self._places.start_log.open("wb")
        except OSError as failure:
            raise file_error("The log", self._places.start_log, failure) from failure
        with log:
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
        """Raises EmbeddedError with PostgreSQL's own reason if it has ended."""
        if self.pid is None:
            raise EmbeddedError(f"PostgreSQL cannot start: {self._reason()}")

    def _reason(self) -> str:
        said = b""
        try:
            said = self._places.start_log.read_bytes()
            newest = max(self._places.logs.glob("*.log"), key=lambda log: log.stat().st_mtime)
            if newest.stat().st_mtime >= self._places.start_log.stat().st_mtime - 1:
                said += newest.read_bytes()[-8192:]
        except (OSError, ValueError):
            pass
        return last_words(said)

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
