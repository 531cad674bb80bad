"""The first run: a link that works once, for whoever can read the server's output."""

import hashlib
import secrets
from typing import Final

from holdfast.audit.author import Author
from holdfast.audit.write import tell
from holdfast.auth.superusers import (
    Superuser,
    has_superuser,
    has_superuser_now,
    read_credentials,
    write_superuser,
)
from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw, value
from holdfast.errors import Forbidden, NotFound
from holdfast.passwords import hash_password

KEY: Final = "setup"  # of holdfast.settings: {"hash": hex SHA-256 of the token}
PATH: Final = "/_/setup"
_SELECT: Final = Statement.of(
    raw("SELECT value ->> 'hash' AS hash FROM holdfast.settings WHERE key = ") + value(KEY, "text")
)
_FORGET: Final = Statement.of(raw("DELETE FROM holdfast.settings WHERE key = ") + value(KEY, "text"))


async def make_setup_token(pool: Pool) -> str | None:
    """A new setup token, which takes the place of the one before; None when there is a superuser already.

    Only its hash is kept. It works until it is used.
    """
    if await has_superuser(pool):
        return None
    token = secrets.token_urlsafe(32)
    await pool.execute(
        Statement.of(
            raw("INSERT INTO holdfast.settings (key, value) VALUES (")
            + value(KEY, "text")
            + raw(", jsonb_build_object('hash', ")
            + value(_hash(token), "text")
            + raw(")) ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated = now()")
        )
    )
    return token


def setup_link(origin: str, token: str) -> str:
    """The address of the setup page. `origin` is how people reach the server (`http://127.0.0.1:8090`)."""
    # After the #, so that no log and no Referer of any proxy on the way ever sees the token.
    return f"{origin.rstrip('/')}{PATH}#token={token}"


async def check_setup_token(pool: Pool, token: str) -> None:
    """Raise NotFound once there is a superuser, and Forbidden for a token that is not the last one made."""
    if await has_superuser(pool):
        raise NotFound
    row = await pool.fetchrow(_SELECT)
    _require(token, row["hash"] if row else "")


async def set_up(pool: Pool, author: Author, token: str, email: str, password: str) -> Superuser:
    """Make the first superuser and use the token up.

    Raises NotFound once there is a superuser, Forbidden for a wrong token, ValidationFailed.
    """
    await check_setup_token(pool, token)
    email = read_credentials(email, password)
    hashed = await hash_password(password)
    async with pool.transaction() as tx:
        # Looked at again under the lock: of two that come at once, one is first.
        if await has_superuser_now(tx):
            raise NotFound
        row = await tx.fetchrow(_SELECT)
        _require(token, row["hash"] if row else "")
        await tell(tx, author)
        superuser = await write_superuser(tx, email, hashed)
        await tx.execute(_FORGET)
    return superuser


def _require(token: str, stored: str) -> None:
    if not stored or not secrets.compare_digest(_hash(token), stored):
        raise Forbidden("This setup link is not valid any more: `holdfast setup-link` prints a new one.")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
