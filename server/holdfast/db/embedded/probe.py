"""Asks a PostgreSQL that is starting whether it answers yet."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import quote

import asyncpg

from holdfast.db.console_roles import ensure_roles
from holdfast.db.embedded.cluster import DATABASE, ROLE, SUPERUSER
from holdfast.db.embedded.error import EmbeddedError
from holdfast.db.embedded.places import PORT, Places
from holdfast.db.pool import Connection

_Found = TypeVar("_Found")


async def answers(places: Places) -> bool:
    """Whether the PostgreSQL of this data directory takes connections.

    Raises EmbeddedError when another one answers, or when it refuses our password.
    """
    try:
        connection = await _connect(places)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as failure:
        raise EmbeddedError(
            f"PostgreSQL refuses the password in {places.superuser_password}: stop all servers and delete that file, "
            "then the next start sets a new one."
        ) from failure
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return False
    try:
        data = str(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close(timeout=5)
    if data != str(places.data):
        raise EmbeddedError(f"The PostgreSQL that answers in {places.socket} is another one, with its data in {data}.")
    return True


async def _connect(places: Places) -> Connection:
    """A connection as the superuser of the cluster."""
    return await asyncpg.connect(
        host=str(places.socket),
        port=PORT,
        user=SUPERUSER,
        password=places.superuser_password.read_text().strip(),
        database=DATABASE,
        timeout=10,
    )


def answers_now(places: Places) -> bool:
    """The same for callers that are not async; it works whether or not an event loop runs in this thread."""
    return _apart(lambda: answers(places))


def make_console_roles(places: Places) -> None:
    """Make the roles that the SQL console works as, which ours may not do. Raises asyncpg's errors."""

    async def make() -> None:
        connection = await _connect(places)
        try:
            await ensure_roles(connection, ROLE, places.password.read_text().strip().encode())
        finally:
            await connection.close(timeout=5)

    _apart(make)


def _apart(work: Callable[[], Coroutine[Any, Any, _Found]]) -> _Found:
    """What comes of something that is async, in a thread and a loop of its own. Raises what it raises."""
    outcome: list[_Found | BaseException] = []

    def ask() -> None:
        try:
            outcome.append(asyncio.run(work()))
        except BaseException as failure:
            outcome.append(failure)

    thread = threading.Thread(target=ask, name="holdfast-probe")
    thread.start()
    thread.join()
    found = outcome[0]
    if isinstance(found, BaseException):
        raise found
    return found


def dsn(places: Places) -> str:
    """The address of the database, for the role that the server works as."""
    password = places.password.read_text().strip()
    return f"postgresql://{ROLE}:{password}@/{DATABASE}?host={quote(str(places.socket), safe='/')}&port={PORT}"
