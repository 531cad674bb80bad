"""The superusers: how one is made without anybody being logged in."""

from typing import Final

import msgspec

from holdfast.audit.author import SERVER, Author
from holdfast.audit.write import tell
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import Statement, raw, value
from holdfast.errors import Problem, ValidationFailed
from holdfast.passwords import MAX_PASSWORD_BYTES, hash_password, is_too_long
from holdfast.schema.email import is_email
from holdfast.schema.generator import generate
from holdfast.schema.ids import new_id
from holdfast.schema.system_fields import MIN_PASSWORD_CHARS, TOKEN_KEY_PATTERN

LOCK: Final = (0x48460003, 1)  # "HF", advisory lock of whoever makes a superuser without being one
_LOCK: Final = Statement.of(
    raw("SELECT pg_advisory_xact_lock(") + value(LOCK[0], "int") + raw(", ") + value(LOCK[1], "int") + raw(")")
)
_ANY: Final = Statement.of(raw('SELECT EXISTS (SELECT FROM public."_superusers") AS found'))


class Superuser(msgspec.Struct, frozen=True):
    """A superuser that was written, and whether it is new."""

    id: str
    email: str
    created: bool


async def upsert_superuser(pool: Pool, email: str, password: str, author: Author = SERVER) -> Superuser:
    """Make the superuser, or give it this password, which ends all its logins.

    Raises ValidationFailed, with the problems of `email` and `password`.
    """
    email = read_credentials(email, password)
    hashed = await hash_password(password)
    async with pool.transaction() as tx:
        await tx.execute(_LOCK)
        await tell(tx, author)
        return await write_superuser(tx, email, hashed)


def read_credentials(email: str, password: str) -> str:
    """The email, trimmed. Raises ValidationFailed for what a superuser cannot have."""
    email = email.strip()
    problems: dict[str, Problem] = {}
    if not is_email(email):
        problems["email"] = Problem("validation_is_email", "Must be an email address.")
    if len(password) < MIN_PASSWORD_CHARS:
        problems["password"] = Problem(
            "validation_min_text_constraint", f"Must have at least {MIN_PASSWORD_CHARS} characters."
        )
    if is_too_long(password) or "\0" in password:
        problems["password"] = Problem(
            "validation_max_text_constraint", f"Must have at most {MAX_PASSWORD_BYTES} bytes, and no NUL."
        )
    if problems:
        raise ValidationFailed(problems)
    return email


async def write_superuser(tx: Transaction, email: str, hashed: str) -> Superuser:
    """Write the record. The caller holds the lock, so that two do not make the same one."""
    known = await tx.fetchrow(
        raw('SELECT "id" FROM public."_superusers" WHERE lower("email") = lower(')
        + value(email, "text")
        + raw(") LIMIT 1")
    )
    if known is not None:
        # Whoever may do this on the server's machine is let in again: the way back where all are blocked.
        await tx.execute(raw("DELETE FROM holdfast.blocks WHERE record_id = ") + value(known["id"], "text"))
        await tx.execute(
            raw('UPDATE public."_superusers" SET "password" = ')
            + value(hashed, "text")
            + raw(', "tokenKey" = ')
            + value(generate(TOKEN_KEY_PATTERN), "text")
            + raw(', "updated" = now() WHERE "id" = ')
            + value(known["id"], "text")
        )
        return Superuser(known["id"], email, created=False)
    id = new_id()
    await tx.execute(
        raw('INSERT INTO public."_superusers" ("id", "email", "password", "tokenKey", "verified") VALUES (')
        + value(id, "text")
        + raw(", ")
        + value(email, "text")
        + raw(", ")
        + value(hashed, "text")
        + raw(", ")
        + value(generate(TOKEN_KEY_PATTERN), "text")
        + raw(", true)")
    )
    return Superuser(id, email, created=True)


async def has_superuser(pool: Pool) -> bool:
    """Whether there is a superuser at all; false only before the first run is done."""
    row = await pool.fetchrow(_ANY)
    return row is not None and bool(row["found"])


async def has_superuser_now(tx: Transaction) -> bool:
    """The same inside a transaction that holds the lock."""
    await tx.execute(_LOCK)
    row = await tx.fetchrow(_ANY)
    return row is not None and bool(row["found"])
