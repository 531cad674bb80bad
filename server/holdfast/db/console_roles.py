"""The two roles that the SQL console works as: one can only read, one can write records too, neither sees a secret.

They are roles to log in with, and not ones to change into: whoever has changed into a role can change back, in the
middle of a query. What they may do beyond nothing is granted by sql_console/grants.py.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from holdfast.db.pool import Connection
from holdfast.db.sql import inline, literal, name, raw

Mode: TypeAlias = Literal["read", "write"]
SUFFIXES: Final[dict[Mode, str]] = {"read": "_reader", "write": "_writer"}
ROUNDS: Final = 4096  # of SCRAM: what PostgreSQL itself takes; the password is as long as the hash
SALT_BYTES: Final = 16
_ABOUT: Final = raw(
    " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT CONNECTION LIMIT 10"
)


def role_name(owner: str, mode: Mode) -> str:
    """What the role is called beside that of the server."""
    return owner[: 63 - len("_reader")] + SUFFIXES[mode]


def role_key(dsn: str, otherwise: bytes) -> bytes:
    """What the passwords of the roles are made of: that of the server's own role, or what else nobody knows."""
    found = urlsplit(dsn).password
    return unquote(found).encode() if found else otherwise


def role_password(key: bytes, role: str) -> str:
    """The password of a role: every process makes the same one, and it is kept nowhere."""
    return hmac.new(key, f"holdfast sql console {role}".encode(), hashlib.sha256).hexdigest()


async def ensure_roles(connection: Connection, owner: str, key: bytes) -> None:
    """Make both roles, or set their passwords. Needs a role that may make roles; raises asyncpg's errors."""
    for mode in SUFFIXES:
        role = role_name(owner, mode)
        there = await connection.fetchval("SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)", role)
        # PostgreSQL takes the hash instead of the password, which then stands in no log of statements.
        verifier = raw(" PASSWORD ") + literal(_scram(role_password(key, role)))
        make = raw("ALTER ROLE ") + name(role) if there else raw("CREATE ROLE ") + name(role) + _ABOUT
        await connection.execute(inline(make + verifier))


def _scram(password: str) -> str:
    """A password as PostgreSQL keeps it (SCRAM-SHA-256, RFC 5803)."""
    salt = secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, client64, server64 = (base64.b64encode(part).decode() for part in (salt, client, server))
    return f"SCRAM-SHA-256${ROUNDS}:{salt64}${client64}:{server64}"
