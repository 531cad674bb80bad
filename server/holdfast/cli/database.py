"""The database of a command: the one that DATABASE_URL names, else the embedded one, started if nobody has."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import click
import msgspec

from holdfast.cli.stop import Stop
from holdfast.config import Settings
from holdfast.db.embedded import Embedded
from holdfast.db.needed import needed_connections

SPARE_CONNECTIONS: Final = 23  # for psql and commands, and the three that PostgreSQL keeps for its superusers
LEAST_CONNECTIONS: Final = 50


class Database(msgspec.Struct, frozen=True):
    """A PostgreSQL that answers. `embedded` is None for an external one; `messages` are for the operator."""

    dsn: str
    version: str
    embedded: Embedded | None
    attached: bool = False
    messages: tuple[str, ...] = ()


def _tell(message: str) -> None:
    click.echo(message, err=True)


@contextmanager
def database(
    settings: Settings, report: Callable[[str], None] = _tell, stop: Stop | None = None
) -> Generator[Database]:
    """The database, for the block. Raises CannotStart, and SystemExit when `stop` is asked for before it answers.

    An embedded one that another server runs is used as a client; one that nobody runs is started, and stopped after.
    """
    stop = stop or Stop()
    if settings.database_url:
        from holdfast.db.external import check_external

        about = stop.run(check_external(settings.database_url))
        yield Database(settings.database_url, about.version, None)
        return
    embedded = Embedded(
        settings.data,
        max_connections=connections(settings),
        report=report,
        check=stop.check,
        console=settings.sql_console != "off",
    )
    running = embedded.start()
    try:
        yield Database(running.dsn, running.version, embedded, running.attached, running.messages)
    finally:
        embedded.stop()


def connections(settings: Settings) -> int:
    """How many connections the embedded PostgreSQL has to take."""
    return max(LEAST_CONNECTIONS, needed_connections(settings) + SPARE_CONNECTIONS)
