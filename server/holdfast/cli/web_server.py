"""One server process: uvicorn on a socket that is already open, stopped in order by a signal."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

import uvicorn
import uvloop
from typing_extensions import override

from holdfast.cli.stop import STOP_SIGNALS, Stop
from holdfast.db.cannot_start import CannotStart
from holdfast.http.wire import Wire

KEEP_ALIVE_SECONDS: Final = 65  # longer than the 60 s of common load balancers, which must hang up first


class _Server(uvicorn.Server):
    """uvicorn, but a signal is an order to stop and nothing more.

    uvicorn raises the signal again when it is done, which would end this process before PostgreSQL has stopped.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], stop: Stop) -> None:
        super().__init__(config)
        self._ready = ready
        self._stop = stop

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the application, then take requests."""
        await super().startup(sockets=sockets)
        if self._stop.asked:  # before the loop had its own handlers; soon, since only what has begun is shut down
            asyncio.get_running_loop().call_soon(self.stop)
        else:
            self._ready()

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take the signals while the server runs; at its end they are held back, for the caller to let go."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            # Closing the loop brings back the default handlers, and a second Ctrl-C would end us there and then.
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    def stop(self) -> None:
        """Take no more requests and finish those that run; the second time, do not wait for them."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(
    application: Any,
    bound: socket.socket,
    *,
    stop_seconds: int,
    ready: Callable[[], None],
    orphaned: int | None = None,
    beside: Callable[[], Awaitable[None]] | None = None,
    stop: Stop | None = None,
) -> None:
    """Answer requests on the socket until a signal says stop. Signals stay blocked afterwards.

    `ready` is called when the first request can be answered. `orphaned` is a file descriptor that reaches its end
    when the process that started this one is gone, which is an order to stop as well. `beside` runs in the same
    event loop and is cancelled at the end. `stop` may have been asked for before.
    Raises CannotStart if the application refuses to start; the log says why.
    """
    config = uvicorn.Config(
        application,
        http=Wire,
        ws="none",  # Wire knows the few paths that have them
        ws_max_size=1024 * 1024,
        ws_per_message_deflate=False,  # each line would keep 300 kB for it
        lifespan="on",
        log_config=None,
        log_level="warning",  # what it says of starting and stopping, the announcement says better
        access_log=False,  # the application writes its own line for each request
        server_header=False,
        proxy_headers=False,  # the front reads them itself, and only from proxies that are trusted
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=stop_seconds,
    )
    server = _Server(config, ready, stop or Stop())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_run(server, bound, orphaned, beside))
        except SystemExit as failure:
            raise CannotStart("The server could not start: the log says why.") from failure


async def _run(
    server: _Server, bound: socket.socket, orphaned: int | None, beside: Callable[[], Awaitable[None]] | None
) -> None:
    if orphaned is not None:
        loop = asyncio.get_running_loop()
        # The other end never writes, so the descriptor becomes readable when it is closed.
        loop.add_reader(orphaned, lambda: (loop.remove_reader(orphaned), server.stop()))
    task = asyncio.ensure_future(beside()) if beside is not None else None
    try:
        await server.serve(sockets=[bound])
    finally:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
