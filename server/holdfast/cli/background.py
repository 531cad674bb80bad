"""`holdfast worker`: the background work alone, for machines that answer no requests."""

import asyncio
import os
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
import structlog

from holdfast.cli.announcement import Reporter
from holdfast.cli.database import Database, database
from holdfast.cli.options import settings, settings_options
from holdfast.cli.stop import Stop
from holdfast.config import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from holdfast.engine import Engine
    from holdfast.logs import Logs

OPTIONS: Final = ("data", "public_url", "plugins", "skip_plugins", "log_format", "log_level")


@click.command("worker")
@settings_options(*OPTIONS)
def command(**options: Any) -> None:
    """Do background work and answer no requests.

    Sends mail and does other jobs, and clears away what has had its time: what `holdfast serve --no-background`
    leaves to others. Start it with the settings of the servers (the same environment or holdfast.toml): what it
    sends has their address in it. As many may run as you like.

    SIGTERM or Ctrl-C: jobs that run may finish for 5 seconds, the others are given back.
    """
    run(msgspec.structs.replace(settings(options), background=True))


def run(chosen: Settings) -> None:
    """Work until a signal says stop. Raises CannotStart."""
    from holdfast.cli.application import start_process_logs

    stop = Stop()
    stop.heed()
    reporter = Reporter.of(chosen)
    with database(chosen, reporter.progress, stop) as found, closing(start_process_logs(chosen, found.dsn)) as logs:
        stop.run(_work(chosen, found, reporter, logs))


def _begun(_: "Engine") -> None:
    structlog.get_logger("holdfast.worker").info("a worker has begun", process=os.getpid())


async def _work(chosen: Settings, found: Database, reporter: Reporter, logs: "Logs") -> None:
    from holdfast.app import observers, running
    from holdfast.backups.turns import in_turns
    from holdfast.metrics.keeping import keeping, without_requests
    from holdfast.plugins.hosting import Plugins
    from holdfast.plugins.loading import load_plugins
    from holdfast.start import prepare_schema

    plugins = Plugins(load_plugins(chosen))
    await prepare_schema(chosen, found.dsn)
    beside = asyncio.ensure_future(found.embedded.supervise()) if found.embedded else None
    try:
        book, _ = observers(chosen, found.dsn, logs)

        @asynccontextmanager
        async def serve() -> "AsyncGenerator[Engine]":
            async with (
                running(chosen, found.dsn, plugins) as engine,
                book.running(engine),
                keeping(engine, chosen, book.pool, "worker", report=without_requests()),
            ):
                yield engine

        async with in_turns(serve, _begun):
            reporter.progress("Working: jobs are done as they come.")
            await asyncio.Event().wait()  # until we are cancelled
    finally:
        if beside is not None:
            beside.cancel()
            with suppress(asyncio.CancelledError):
                await beside
