"""Keeps the embedded PostgreSQL running for as long as the server does."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from holdfast.db.embedded import leftovers
from holdfast.db.embedded.account import Account, account_for
from holdfast.db.embedded.binaries import find_binaries, reachable
from holdfast.db.embedded.cluster import check_owner, data_major, ensure_passwords, make_cluster
from holdfast.db.embedded.error import EmbeddedError, file_error
from holdfast.db.embedded.lock import Lock
from holdfast.db.embedded.places import SYSTEM, Places, choose_places, remember_home
from holdfast.db.embedded.postmaster import Postmaster
from holdfast.db.embedded.probe import answers, answers_now, dsn, make_console_roles
from holdfast.db.embedded.tuning import memory_bytes, settings_for, shared_memory_bytes

READY_SECONDS: Final = 600.0  # recovery after a crash replays up to max_wal_size
ATTACH_SECONDS: Final = 60.0  # for a server that holds the lock and is not ready
PROGRESS_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 0.2  # between two looks at the postmaster
_STEPS: Final = (0.02, 0.25)  # seconds between two tries to connect, at first and at last: each is a line in the log


class Running(msgspec.Struct, frozen=True):
    """A PostgreSQL that answers. `attached` if another server runs it; `messages` are for the operator."""

    dsn: str
    attached: bool
    messages: tuple[str, ...]
    version: str


class Embedded:
    """The PostgreSQL in a data directory, which one server runs and others may use.

    Start it from the main thread: PostgreSQL stops when the thread that started it ends. `report` gets
    sentences while something takes long; `check` is called before each step of a start and may raise to end it, which
    stops what runs by then; `settings` are added to PostgreSQL's. `console`: make the roles of the SQL console.
    """

    def __init__(
        self,
        data: Path,
        *,
        max_connections: int = 50,
        settings: Mapping[str, str] | None = None,
        report: Callable[[str], None] = lambda _: None,
        check: Callable[[], None] = lambda: None,
        system: Path = SYSTEM,
        console: bool = False,
    ) -> None:
        self._root = data.absolute()
        self._max_connections = max_connections
        self._settings = dict(settings or {})
        self._report = report
        self._check = check
        self._system = system
        self._console = console
        self._lock: Lock | None = None
        self._postmaster: Postmaster | None = None
        self._places: Places | None = None
        self._account: Account | None = None

    def start(self) -> Running:
        """Start PostgreSQL, or attach to the one that another server runs on this data directory.

        Makes the database on the first start. Returns when it answers.
        Raises EmbeddedError with one sentence for the operator.
        """
        try:
            self._root = self._root.resolve()
        except OSError as failure:
            raise file_error("The data directory", self._root, failure) from failure
        self._account = account_for(self._root / "pg")
        self._places, told = choose_places(self._root, self._account, self._system)
        self._lock = Lock(self._places.lock)
        if self._account.switch:
            told = (f"PostgreSQL does not run as root: it runs as the user {self._account.name}.", *told)
        deadline = time.monotonic() + ATTACH_SECONDS
        while not self._lock.take():
            self._check()
            if self._can_attach(self._places):
                return self._attached(self._places, told)
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another server (process {self._lock.owner()}) uses {self._root}, "
                    "and its PostgreSQL does not answer."
                )
            time.sleep(0.1)
        try:
            return self._own(self._places, self._account, told)
        except BaseException:
            self.stop()
            raise

    def _can_attach(self, places: Places) -> bool:
        try:
            return answers_now(places)
        except FileNotFoundError:  # the passwords of a database that is being made
            return False
        except OSError as failure:
            raise file_error("The data directory", places.home, failure) from failure

    def _attached(self, places: Places, told: tuple[str, ...]) -> Running:
        assert self._lock is not None
        message = f"Another server (process {self._lock.owner()}) runs PostgreSQL here: this one uses it as a client."
        version = (places.data / "PG_VERSION").read_text().strip()
        return Running(dsn(places), True, (*told, message), version)

    def _own(self, places: Places, account: Account, told: tuple[str, ...]) -> Running:
        major = data_major(places.data)
        binaries, copied = reachable(find_binaries(major), account, self._system)
        if major is None:
            self._check()
            make_cluster(places, account, binaries, self._check)
            remember_home(self._root, places.home)
        check_owner(places.data, account)
        leftovers.clear(places, self._check)
        ensure_passwords(places, account, binaries)
        self._check()
        self._postmaster = Postmaster(places, account, binaries, self._tuned())
        self._postmaster.launch()
        self._wait(self._postmaster, places)
        if self._console:
            make_console_roles(places)
        return Running(dsn(places), False, (*told, *([copied] if copied else [])), binaries.version)

    def _tuned(self) -> dict[str, str]:
        machine = settings_for(
            memory=memory_bytes(), shared=shared_memory_bytes(), max_connections=self._max_connections
        )
        return machine | self._settings

    def _wait(self, postmaster: Postmaster, places: Places) -> None:
        waiting = _Waiting(self._report)
        while not answers_now(places):
            self._check()
            postmaster.check()
            time.sleep(waiting.step())

    def stop(self) -> None:
        """Stop PostgreSQL if this server runs it, and give up the lock. Done twice, nothing happens."""
        if self._postmaster is not None:
            self._postmaster.stop()
            self._postmaster = None
        if self._lock is not None:
            self._lock.give()

    async def supervise(self) -> None:
        """Watch until cancelled: start PostgreSQL again when it has died, and take over when its server has.

        Run it in the main thread's event loop. What cannot be repaired is reported, and tried again.
        """
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._look()
            except EmbeddedError as failure:
                self._report(str(failure))
                await asyncio.sleep(PROGRESS_SECONDS)

    async def _look(self) -> None:
        """One look at the postmaster, and whatever has to be done about what is seen."""
        assert self._lock is not None and self._places is not None and self._account is not None
        if self._postmaster is None:
            if not self._lock.take():
                return
            self._report("The server that ran PostgreSQL is gone: this one runs it now.")
            binaries, _ = reachable(find_binaries(data_major(self._places.data)), self._account, self._system)
            self._postmaster = Postmaster(self._places, self._account, binaries, self._tuned())
        elif self._postmaster.pid is not None:
            return
        else:
            self._report("PostgreSQL has ended by itself: it is started again.")
        await asyncio.to_thread(leftovers.clear, self._places)
        await self._relaunch(self._postmaster, self._places)

    async def _relaunch(self, postmaster: Postmaster, places: Places) -> None:
        postmaster.launch()
        waiting = _Waiting(self._report)
        while not await answers(places):
            postmaster.check()
            await asyncio.sleep(waiting.step())
        self._report("PostgreSQL answers again.")


class _Waiting:
    """Counts how long PostgreSQL has not answered."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._began = self._told = time.monotonic()

    def step(self) -> float:
        """Say now and then that we still wait; returns the seconds until the next try.

        Raises EmbeddedError when it has been READY_SECONDS.
        """
        now = time.monotonic()
        if now - self._began > READY_SECONDS:
            raise EmbeddedError(f"PostgreSQL has not answered for {READY_SECONDS:.0f} seconds: see its log.")
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self._report(f"PostgreSQL is recovering: {now - self._began:.0f} seconds so far.")
        first, last = _STEPS
        return min(last, first + (now - self._began) / 10)
