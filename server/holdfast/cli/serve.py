"""`holdfast serve`: the server, with its PostgreSQL."""

import signal
import socket
import threading
from contextlib import closing, suppress
from typing import Any, Final

import click

from holdfast.cli.announcement import Announcement, Reporter
from holdfast.cli.database import Database, database
from holdfast.cli.listen import address, listen
from holdfast.cli.loading import load_application
from holdfast.cli.options import settings, settings_options
from holdfast.cli.stop import STOP_SIGNALS, Stop
from holdfast.config import Settings

OPTIONS: Final = (
    "host",
    "port",
    "data",
    "workers",
    "background",
    "public_url",
    "plugins",
    "skip_plugins",
    "reload",
    "log_format",
    "log_level",
)


@click.command("serve")
@settings_options(*OPTIONS)
def command(**options: Any) -> None:
    """Start the server.

    Starts the embedded PostgreSQL in the data directory (or uses the one that DATABASE_URL names), brings the
    system schema up to date and answers requests until it is told to stop. The first start makes the database and
    prints a one-time link for making the first superuser.

    SIGTERM or Ctrl-C: no new requests are taken, those that run may finish (stop_seconds), then PostgreSQL is
    stopped cleanly.

    All settings are in docs/reference/settings.md.
    """
    run(settings(options))


def run(chosen: Settings) -> None:
    """Serve until a signal says stop. Raises CannotStart."""
    stop = Stop()
    stop.heed()
    reporter = Reporter.of(chosen)
    # Loading the application takes as long as starting PostgreSQL, and one waits for the other's disk.
    threading.Thread(target=_load_application, daemon=True).start()
    with closing(listen(chosen.host, chosen.port)) as bound, database(chosen, reporter.progress, stop) as found:
        try:
            _serve(chosen, found, bound, reporter, stop)
        finally:
            _ignore_signals()  # what is left, stopping PostgreSQL, is not to be cut short by a second Ctrl-C
    reporter.progress("Stopped.")


def _serve(chosen: Settings, found: Database, bound: socket.socket, reporter: Reporter, stop: Stop) -> None:
    link = stop.run(_prepare(chosen, found.dsn, chosen.public_url or address(bound)))
    announcement = Announcement(
        address=address(bound),
        data=str(chosen.data),
        database=f"PostgreSQL {found.version}" + (", embedded" if found.embedded else ", external"),
        workers=chosen.workers,
        setup_link=link,
        messages=found.messages,
    )
    watch = found.embedded.supervise if found.embedded else None
    if chosen.workers > 1:
        from holdfast.cli.application import start_process_logs
        from holdfast.cli.supervisor import supervise

        start_process_logs(chosen, found.dsn)
        reporter.started(announcement)
        stop.check()
        supervise(chosen, found.dsn, bound, beside=watch, stop=stop)
        return
    from holdfast.cli.application import serve_application

    stop.check()
    serve_application(chosen, found.dsn, bound, ready=lambda: reporter.started(announcement), beside=watch, stop=stop)


async def _prepare(chosen: Settings, dsn: str, origin: str) -> str:
    """Bring the database up to date; gives the link for making the first superuser, empty if there is one."""
    from holdfast.start import prepare

    return await prepare(chosen, dsn, origin)


def _load_application() -> None:
    # What fails here fails again in the main thread, where it can be told.
    with suppress(Exception):
        load_application()


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
