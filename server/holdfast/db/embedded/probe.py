"""Asks a PostgreSQL that is starting whether it answers yet."""

import asyncio
import threading
from typing import Any, cast
from urllib.parse import quote

import asyncpg

from holdfast.db.embedded.cluster import DATABASE, ROLE, SUPERUSER
from holdfast.db.embedded.error import EmbeddedError
from holdfast.db.embedded.places import PORT, Places


async def answers(places: Places) -> bool:
    """Whether the PostgreSQL of this data directory takes connections.

    Raises EmbeddedError when another one answers, or when it refuses our password.
    """
    try:
        connection = cast(
            Any,
            await asyncpg.connect(
                host=str(places.socket),
                port=PORT,
                user=SUPERUSER,
                password=places.superuser_password.read_text().strip(),
                database=DATABASE,
                timeout=10,
            ),
        )
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


def answers_now(places: Places) -> bool:
    """The same for callers that are not async; it works whether or not an event loop runs in this thread."""
    outcome: list[bool | BaseException] = []

    def ask() -> None:
        try:
            outcome.append(asyncio.run(answers(places)))
        except BaseException as failure:
            outcome.append(failure)

    thread = threading.Thread(target=ask, name="holdfast-probe")
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def dsn(places: Places) -> str:
    """The address of the database, for the role that the server works as."""
    password = places.password.read_text().strip()
    return f"postgresql://{ROLE}:{password}@/{DATABASE}?host={quote(str(places.socket), safe='/')}&port={PORT}"
