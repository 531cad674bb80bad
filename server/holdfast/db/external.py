"""A PostgreSQL of the operator's own, named by DATABASE_URL: reached and found good, or one sentence why not."""

import asyncio
import socket
import ssl
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec

from holdfast.db.cannot_start import CannotStart
from holdfast.db.pool import Connection

OLDEST: Final = 15  # major version
CONNECT_SECONDS: Final = 10.0
STARTING_SECONDS: Final = 60.0  # for a PostgreSQL that says that it is starting
_PAUSE: Final = 0.5  # seconds between two tries


class DatabaseError(CannotStart):
    """The database that DATABASE_URL names cannot be used: one sentence that says why, without the password."""


async def check(dsn: str) -> str:
    """Make sure that the database answers and is new enough; returns its version.

    Raises DatabaseError.
    """
    connection = await connect(dsn)
    try:
        number = int(await connection.fetchval("SHOW server_version_num"))
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    version = f"{number // 10_000}.{number % 10_000}"
    if number < OLDEST * 10_000:
        raise DatabaseError(
            f"Holdfast needs PostgreSQL {OLDEST} or newer, and DATABASE_URL names a PostgreSQL {version}: upgrade it."
        )
    return version


async def connect(dsn: str) -> Connection:
    """A connection of its own, outside any pool. Waits for a PostgreSQL that is starting; raises DatabaseError."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + STARTING_SECONDS
    while True:
        try:
            # Without a cache of statements this works through PgBouncer, too.
            found: Any = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, statement_cache_size=0)
            return cast(Connection, found)
        except asyncpg.CannotConnectNowError as failure:
            if loop.time() > deadline:
                raise DatabaseError("The PostgreSQL of DATABASE_URL has been starting for too long.") from failure
            await asyncio.sleep(_PAUSE)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TimeoutError) as failure:
            # asyncpg's own words may repeat parts of the URL, and the password is one.
            raise DatabaseError(reason(failure, dsn)) from None


def reason(failure: Exception, dsn: str) -> str:
    """One sentence for a failure to connect."""
    named = read_address(dsn)
    if named is None or isinstance(failure, asyncpg.InterfaceError | ValueError):
        return (
            "DATABASE_URL is not an address of PostgreSQL: it looks like postgresql://user:password@host:5432/database."
        )
    for kind, sentence in _SENTENCES:
        if isinstance(failure, kind):
            return sentence.format(target=named.target, user=named.user, database=named.database)
    if isinstance(failure, asyncpg.PostgresError):
        return f"PostgreSQL at {named.target} refuses the connection (SQLSTATE {failure.sqlstate})."
    return f"Nothing answers at {named.target}: check that PostgreSQL runs there and that DATABASE_URL is right."


_SENTENCES: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]] = (
    (
        asyncpg.InvalidCatalogNameError,
        "PostgreSQL at {target} has no database {database}: create it, or correct DATABASE_URL.",
    ),
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "PostgreSQL at {target} refuses the user {user} or the password: correct DATABASE_URL.",
    ),
    (asyncpg.InsufficientPrivilegeError, "The user {user} may not connect to the database {database} at {target}."),
    (asyncpg.TooManyConnectionsError, "PostgreSQL at {target} has no connection left: raise max_connections."),
    (ssl.SSLError, "PostgreSQL at {target} and this machine do not agree on TLS: check sslmode in DATABASE_URL."),
    (socket.gaierror, "The host of DATABASE_URL ({target}) is not known: check its spelling."),
    (TimeoutError, f"PostgreSQL at {{target}} does not answer within {CONNECT_SECONDS:.0f} seconds."),
)


class Address(msgspec.Struct, frozen=True):
    """What of an address may be shown."""

    target: str
    user: str
    database: str


def read_address(dsn: str) -> Address | None:
    """Where an address points, without its password; None if it is none."""
    try:
        parts = urlsplit(dsn)
        host = parts.hostname or (parse_qs(parts.query).get("host") or ["localhost"])[0]
        target = f"{host}:{parts.port or 5432}"
    except ValueError:
        return None
    return Address(target, parts.username or "of this system", parts.path.lstrip("/") or "of the user's name")
