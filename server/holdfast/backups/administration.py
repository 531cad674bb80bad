"""Databases made, renamed and dropped: by the superuser of the embedded PostgreSQL, elsewhere by our own role."""

import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, cast
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec

from holdfast.config import Settings
from holdfast.db.embedded.cluster import SUPERUSER
from holdfast.db.embedded.places import superuser_password
from holdfast.db.pool import Connection, Pool
from holdfast.db.sql import MAX_IDENTIFIER_BYTES, Sql, Statement, inline, join, literal, name, raw
from holdfast.errors import Conflict, Unavailable

MAINTENANCE: Final = "postgres"
"""The database that one is connected to while others are renamed."""
CONNECT_SECONDS: Final = 10.0
SCRATCH: Final = "_hf_scratch_"
BEFORE: Final = "_hf_before_"
_DIGITS: Final = 8  # hexadecimal, behind the mark, and of the hash of a name that was cut
_ROOM: Final = MAX_IDENTIFIER_BYTES - len(SCRATCH) - _DIGITS  # bytes of a name
_LISTS: Final = frozenset(("search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"))
_MAY: Final = "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
_ABOUT: Final = """
    SELECT pg_get_userbyid(d.datdba) AS owner, pg_has_role(d.datdba, 'USAGE') AS owned, current_user AS role,
           pg_encoding_to_char(d.encoding) AS encoding, d.datcollate, d.datctype, d.datlocprovider,
           to_jsonb(d) ->> 'datlocale' AS locale, to_jsonb(d) ->> 'daticulocale' AS icu,
           (d.encoding, d.datcollate, d.datctype, d.datlocprovider) IS NOT DISTINCT FROM
           (t.encoding, t.datcollate, t.datctype, t.datlocprovider) AS alike
      FROM pg_catalog.pg_database AS d CROSS JOIN pg_catalog.pg_database AS t
     WHERE d.datname = $1 AND t.datname = 'template1'
"""
_GRANTS: Final = """
    SELECT CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END AS grantee, a.privilege_type, a.is_grantable
      FROM pg_catalog.pg_database AS d CROSS JOIN LATERAL aclexplode(d.datacl) AS a WHERE d.datname = $1
"""
_SETTINGS: Final = """
    SELECT CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END AS role, unnest(s.setconfig) AS setting
      FROM pg_catalog.pg_db_role_setting AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
     WHERE d.datname = $1
"""
_LEFT: Final = """
    SELECT datname FROM pg_catalog.pg_database CROSS JOIN unnest($1::text[]) AS prefix
     WHERE starts_with(datname, prefix) AND substr(datname, length(prefix) + 1) ~ '^[0-9a-f]{8}$'
"""
_PROVIDERS: Final = {b"c": "libc", b"i": "icu", b"b": "builtin"}


class Database(msgspec.Struct, frozen=True):
    """A database: its name, and the address that our own role reaches it by."""

    name: str
    dsn: str


async def database_of(pool: Pool) -> str:
    """The name of our own database, whatever the address says."""
    row = await pool.fetchrow(Statement.of(raw("SELECT current_database()::text AS name")))
    assert row is not None
    return row["name"]


def named(dsn: str, database: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path="/" + quote(database, safe="")))


@asynccontextmanager
async def administration(settings: Settings, dsn: str) -> AsyncGenerator[Connection]:
    """A connection on which databases can be made and renamed. Raises Conflict and Unavailable where there is none."""
    password = "" if settings.database_url else superuser_password(settings.data)
    address = named(dsn, MAINTENANCE)
    if password:
        parts = urlsplit(address)
        address = urlunsplit(parts._replace(netloc=f"{SUPERUSER}:{quote(password)}@{parts.netloc.rpartition('@')[2]}"))
    try:
        connection = await asyncpg.connect(address, timeout=CONNECT_SECONDS, statement_cache_size=0)
    except (asyncpg.InvalidCatalogNameError, asyncpg.InsufficientPrivilegeError) as failure:
        raise Conflict(
            f"The database role cannot reach the database {MAINTENANCE}, from which others are made and renamed: "
            f"grant it CONNECT there."
        ) from failure
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as failure:
        raise Unavailable("The database cannot be reached just now: try again in a moment.") from failure
    try:
        if not await connection.fetchval(_MAY):
            role = await connection.fetchval("SELECT current_user")
            raise Conflict(
                f"A backup is loaded into a database of its own first, and the role {role} may not make one: "
                f"run ALTER ROLE {role} CREATEDB."
            )
        yield connection
    finally:
        connection.terminate()


async def make_scratch(connection: Connection, like: str, dsn: str) -> Database:
    """An empty database beside another, with its owner, locale, grants and settings.

    Raises Conflict where `like` belongs to another role, since it could not be renamed, and asyncpg's errors.
    """
    made = _beside(like, SCRATCH) + _new_digits()
    about = await connection.fetchrow(_ABOUT, like)
    assert about is not None
    if not about["owned"]:
        raise Conflict(
            f"A backup is loaded into a database like {like}, which it then replaces, and the role {about['role']} may "
            f"not rename what belongs to {about['owner']}: run ALTER DATABASE {like} OWNER TO {about['role']}."
        )
    make = raw("CREATE DATABASE ") + name(made) + raw(" OWNER ") + name(about["owner"])
    if about["alike"]:
        make += raw(" TEMPLATE template1")  # an operator may have put extensions there that only superusers can make
    else:
        make += raw(" TEMPLATE template0") + _locale(dict(about.items()))
    await connection.execute(inline(make))
    for statement in await _as_granted(connection, like, made):
        await connection.execute(inline(statement))
    return Database(made, named(dsn, made))


def _locale(about: dict[str, object]) -> Sql:
    provider = _PROVIDERS[cast(bytes, about["datlocprovider"])]
    found = raw(" ENCODING ") + literal(str(about["encoding"])) + raw(" LOCALE_PROVIDER ") + literal(provider)
    found += (
        raw(" LC_COLLATE ") + literal(str(about["datcollate"])) + raw(" LC_CTYPE ") + literal(str(about["datctype"]))
    )
    if provider == "icu":
        found += raw(" ICU_LOCALE ") + literal(str(about["locale"] or about["icu"]))
    if provider == "builtin":
        found += raw(" BUILTIN_LOCALE ") + literal(str(about["locale"]))
    return found


async def _as_granted(connection: Connection, like: str, made: str) -> list[Sql]:
    """The statements that give a database the grants and the settings of another."""
    found: list[Sql] = []
    grants = await connection.fetch(_GRANTS, like)
    on = raw(" ON DATABASE ") + name(made)
    if grants:
        found.append(raw("REVOKE ALL") + on + raw(" FROM PUBLIC"))
    for row in grants:
        to = raw(" TO PUBLIC") if row["grantee"] is None else raw(" TO ") + name(row["grantee"])
        option = raw(" WITH GRANT OPTION") if row["is_grantable"] else Sql()
        found.append(raw("GRANT ") + _PRIVILEGES[row["privilege_type"]] + on + to + option)
    for row in await connection.fetch(_SETTINGS, like):
        key, _, content = row["setting"].partition("=")
        values = content.split(",") if key in _LISTS else [content]
        put = join(", ", [literal(one.strip().strip('"') if key in _LISTS else one) for one in values])
        head = raw("ALTER DATABASE ") + name(made)
        if row["role"] is not None:
            head = raw("ALTER ROLE ") + name(row["role"]) + raw(" IN DATABASE ") + name(made)
        dotted = join(".", [name(part) for part in key.split(".")])
        found.append(head + raw(" SET ") + dotted + raw(" TO ") + put)
    return found


_PRIVILEGES: Final = {"CREATE": raw("CREATE"), "CONNECT": raw("CONNECT"), "TEMPORARY": raw("TEMPORARY")}


async def drop(connection: Connection, database: str) -> None:
    """Drop a database, whoever is connected to it. Raises asyncpg's errors."""
    await connection.execute(inline(raw("DROP DATABASE IF EXISTS ") + name(database) + raw(" WITH (FORCE)")))


async def drop_left_behind(connection: Connection, database: str) -> None:
    """Drop what killed processes have left beside a database. Only for who holds the lock of work on backups."""
    for row in await connection.fetch(_LEFT, [_beside(database, SCRATCH), _beside(database, BEFORE)]):
        await drop(connection, row["datname"])


def before_name(database: str) -> str:
    """What the database is called whose place another takes, until it is dropped."""
    return _beside(database, BEFORE) + _new_digits()


def _beside(database: str, mark: str) -> str:
    """What the names of databases beside another begin with: its own, or as much as fits and a hash of all of it."""
    full = database.encode()
    if len(full) <= _ROOM:
        return database + mark
    cut = full[: _ROOM - _DIGITS - 1].decode(errors="ignore")
    return f"{cut}_{hashlib.sha256(full).hexdigest()[:_DIGITS]}{mark}"


def _new_digits() -> str:
    return secrets.token_hex(_DIGITS // 2)
