"""The application in this process, with its log and what runs beside it."""

import socket
from collections.abc import Awaitable, Callable
from contextlib import closing

from holdfast.app import create_app
from holdfast.cli.stop import Stop
from holdfast.cli.web_server import serve
from holdfast.config import Settings
from holdfast.logs import Logs, start_logs
from holdfast.observe import ALONE, Place


def start_process_logs(settings: Settings, dsn: str = "") -> Logs:
    """The log of this process, in which no secret of the settings can appear."""
    secrets = (dsn, settings.database_url, settings.redis_url, settings.superuser_password)
    return start_logs(settings.log_format, settings.log_level, secrets=[secret for secret in secrets if secret])


def serve_application(
    settings: Settings,
    dsn: str,
    bound: socket.socket,
    *,
    ready: Callable[[], None],
    orphaned: int | None = None,
    beside: Callable[[], Awaitable[None]] | None = None,
    stop: Stop | None = None,
    place: Place = ALONE,
) -> None:
    """Answer requests on the socket until a signal says stop; see web_server.serve."""
    with closing(start_process_logs(settings, dsn)) as logs:
        serve(
            create_app(settings, dsn, logs, place),
            bound,
            stop_seconds=settings.stop_seconds,
            ready=ready,
            orphaned=orphaned,
            beside=beside,
            stop=stop,
        )
