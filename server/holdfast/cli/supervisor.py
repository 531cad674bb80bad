"""Keeps N server processes alive on one socket, and ends them in order."""

import asyncio
import secrets
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from holdfast.cli.stop import STOP_SIGNALS, Stop
from holdfast.cli.worker import CANNOT_START, Duty, encode
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.observe import Place

GRACE_SECONDS: Final = 5.0  # beyond stop_seconds, for a process that is told to stop
HEALTHY_SECONDS: Final = 10.0  # a process that lived this long is started again at once
MAX_PAUSE_SECONDS: Final = 10.0  # between two starts of a process that keeps dying
_log: Final = structlog.get_logger("holdfast.supervisor")


def supervise(
    settings: Settings,
    dsn: str,
    bound: socket.socket,
    *,
    beside: Callable[[], Awaitable[None]] | None = None,
    stop: Stop | None = None,
) -> None:
    """Run `settings.workers` processes until a signal says stop. Signals stay blocked afterwards.

    A process that dies is replaced. `beside` runs in the event loop and is cancelled at the end. `stop` may have been
    asked for before.
    Raises CannotStart if a process cannot even open its application.
    """
    asyncio.run(_run(_Supervisor(settings, dsn, bound, stop or Stop()), beside))


async def _run(supervisor: "_Supervisor", beside: Callable[[], Awaitable[None]] | None) -> None:
    task = asyncio.ensure_future(beside()) if beside is not None else None
    try:
        await supervisor.run()
    finally:
        # Closing the loop brings back the default handlers, and a second Ctrl-C would end us there and then.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class _Supervisor:
    def __init__(self, settings: Settings, dsn: str, bound: socket.socket, stop: Stop) -> None:
        self._settings = settings
        self._stop = stop
        self._duty = Duty(settings, dsn, bound.fileno())
        self._server = secrets.token_hex(8)  # what our processes are called among all that use the database
        self._bound = bound
        self._stopping = asyncio.Event()
        self._running: set[Process] = set()
        self._failure: CannotStart | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stopping.set)
        if self._stop.asked:
            return
        keepers = [asyncio.create_task(self._keep(number)) for number in range(1, self._settings.workers + 1)]
        await self._stopping.wait()
        await self._end_all()
        await asyncio.gather(*keepers)
        if self._failure is not None:
            raise self._failure

    async def _keep(self, number: int) -> None:
        """Start one process again and again, with growing pauses while it keeps dying young."""
        pause = 0.0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run_one(number)
            if self._stopping.is_set():
                return
            if code == CANNOT_START:
                self._failure = CannotStart("A server process could not start: the log says why.")
                self._stopping.set()
                return
            young = time.monotonic() - started < HEALTHY_SECONDS
            pause = min(max(pause * 2, 0.25), MAX_PAUSE_SECONDS) if young else 0.0
            _log.error("a server process died and is started again", worker=number, exit_code=code, pause=pause)
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _run_one(self, number: int) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "holdfast.cli.worker",
            stdin=PIPE,
            pass_fds=(self._bound.fileno(),),
            # Ctrl-C reaches every process of the terminal's group; ours are told by us, once.
            start_new_session=True,
        )
        self._running.add(process)
        try:
            if self._stopping.is_set():
                _signal(process, signal.SIGTERM)
            assert process.stdin is not None
            # The pipe stays open: its end tells the process that we are gone.
            place = Place(self._server, number)
            process.stdin.write(encode(msgspec.structs.replace(self._duty, place=place)))
            return await process.wait()
        finally:
            self._running.discard(process)

    async def _end_all(self) -> None:
        processes = list(self._running)
        for process in processes:
            _signal(process, signal.SIGTERM)
        self._bound.close()  # the processes close theirs too: what arrives from now on is refused, not left waiting
        waiting = [asyncio.create_task(process.wait()) for process in processes]
        if not waiting:
            return
        _, late = await asyncio.wait(waiting, timeout=self._settings.stop_seconds + GRACE_SECONDS)
        if late:
            _log.error("server processes did not stop in time and are killed", count=len(late))
            for process in processes:
                _signal(process, signal.SIGKILL)


def _signal(process: Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)
