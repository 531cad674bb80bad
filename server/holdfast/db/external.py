"""Whether a PostgreSQL of the operator's own can be used; if not, why, in one sentence."""

import socket
import ssl
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec

from holdfast.db.cannot_start import CannotStart
from holdfast.db.pool import Connection

OLDEST: Final = 150000  # server_version_num
CONNECT_SECONDS: Final = 15.0

_FORM: Final = "write it as postgresql://user:password@host:5432/database"

_ABOUT: Final = """
SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
       pg_is_in_recovery() AS standby, current_user AS role, current_database() AS database,
       pg_encoding_to_char(encoding) AS encoding,
       has_database_privilege(current_database(), 'CREATE') OR to_regnamespace('holdfast') IS NOT NULL AS schemas,
       coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false) AS tables
FROM pg_database WHERE datname = current_database()
"""


class DatabaseError(CannotStart):
    """The database that DATABASE_URL names cannot be used: one sentence that says why and what to do."""


class About(msgspec.Struct, frozen=True):
    """What a server says of itself, and what our role may do there."""

    number: int
    version: str
    standby: bool
    role: str
    database: str
    encoding: str
    schemas: bool
    tables: bool


async def check_external(url: str, options: dict[str, Any] | None = None) -> About:
    """Connect once, and see whether Holdfast can work there.

    Raises DatabaseError if not. `options` go to asyncpg.connect; TLS is as `sslmode` in the URL says.
    """
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, statement_cache_size=0, **(options or {}))
    except Exception as failure:
        sentence = explain(url, failure)
        if sentence is None:
            raise
        raise DatabaseError(sentence) from failure
    try:
        row = await cast(Connection, connection).fetchrow(_ABOUT)
    finally:
        await connection.close(timeout=5)
    about = msgspec.convert(dict(row or {}), About)
    sentence = unfit(about)
    if sentence is not None:
        raise DatabaseError(sentence)
    return about


def unfit(about: About) -> str | None:
    """Why Holdfast cannot work on this server; None if it can."""
    if about.number < OLDEST:
        return f"The database is PostgreSQL {about.version}, and Holdfast needs version 15 or newer: upgrade it."
    if about.standby:
        return "The database is a read-only standby: let DATABASE_URL name the primary."
    if about.encoding != "UTF8":
        return (
            f"The database {about.database} has the encoding {about.encoding}: make one with "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0."
        )
    if not about.schemas:
        return (
            f"The role {about.role} may not make schemas: "
            f"run GRANT CREATE ON DATABASE {about.database} TO {about.role}."
        )
    if not about.tables:
        return f"The role {about.role} may not make tables: run GRANT CREATE ON SCHEMA public TO {about.role}."
    return None


def explain(url: str, failure: Exception) -> str | None:
    """What kept us from connecting, without the password; None if it is nothing that the operator can change."""
    where = place(url)
    if isinstance(failure, asyncpg.PostgresError):
        return _refusal(where, failure)
    if isinstance(failure, ssl.SSLError):
        return f"TLS with the database at {where} fails: {_tls_reason(failure)}; see sslmode and sslrootcert."
    if isinstance(failure, socket.gaierror):
        return f"The database host in {where} is not known: check the name in DATABASE_URL."
    if isinstance(failure, ConnectionRefusedError | FileNotFoundError):
        return f"No PostgreSQL answers at {where}: check that it runs, and the host and port in DATABASE_URL."
    if isinstance(failure, TimeoutError):
        return f"The database at {where} does not answer within {CONNECT_SECONDS:.0f} seconds: check host and firewall."
    if isinstance(failure, ConnectionError) and "SSL" in str(failure):
        return f"The database at {where} does not speak TLS, which sslmode in DATABASE_URL asks for."
    if isinstance(failure, OSError):
        return f"The database at {where} cannot be reached: {failure.strerror or failure}."
    if isinstance(failure, asyncpg.InterfaceError):
        return f"DATABASE_URL cannot be used ({_first_line(failure)}): {_FORM}."
    if isinstance(failure, ValueError):  # its text may hold a piece of a password that was not encoded
        return f"DATABASE_URL cannot be read: {_FORM}, with %-codes for special characters in the password."
    return None


def _refusal(where: str, failure: asyncpg.PostgresError) -> str:
    said = _first_line(failure)
    if isinstance(failure, asyncpg.InvalidPasswordError | asyncpg.InvalidAuthorizationSpecificationError):
        return f"The database at {where} does not let us in: {said}; check user, password and pg_hba.conf."
    if isinstance(failure, asyncpg.InvalidCatalogNameError):
        return f"The database at {where} does not exist: make it with CREATE DATABASE, or correct DATABASE_URL."
    if isinstance(failure, asyncpg.TooManyConnectionsError):
        return f"The database at {where} has no connection left: raise max_connections or lower the pool's size."
    return f"The database at {where} refuses the connection: {said}."


def _tls_reason(failure: ssl.SSLError) -> str:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({failure.verify_message.rstrip('.')})"
    return failure.strerror or str(failure)


def _first_line(failure: Exception) -> str:
    return str(failure).partition("\n")[0].rstrip(".")


def place(url: str) -> str:
    """Host, port and database of a URL, as they may be printed: never a password, even one that broke the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the given address"
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment:
        return "the given address"
    asked = parse_qs(parts.query)
    host = host or asked.get("host", ["the default host"])[0]
    return f"{host}{f':{port}' if port else ''}{parts.path}"
