"""Blocks: accounts that nobody logs in to, by whatever way, until a superuser takes the block away."""

from typing import Final

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry
from holdfast.audit.write import tell, write
from holdfast.auth.changing import SERVER
from holdfast.auth.noting import account_target
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, Statement, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden
from holdfast.records.credentials import new_token_key
from holdfast.records.write_service import Write, update
from holdfast.schema.collection import Collection

BLOCKED: Final = "This account is blocked."
MAX_REASON_CHARS: Final = 500


async def require_unblocked(engine: Engine, collection: Collection, record_id: str) -> None:
    """Raise Forbidden for an account that is blocked."""
    sql = raw("SELECT FROM holdfast.blocks WHERE") + _of(collection, record_id)
    with as_api_errors():
        if await engine.pool.fetchrow(Statement.of(sql)) is not None:
            raise Forbidden(BLOCKED)


async def block(engine: Engine, author: Author, collection: Collection, record_id: str, reason: str) -> None:
    """Block an account: all its tokens and sessions end with it. One that is blocked already gets the new reason.

    Raises NotFound for a record that is not there, and BadRequest for the account that asks.
    """
    if author.actor.id == record_id:
        raise BadRequest("You cannot block yourself.")
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await _end_logins(engine, tx, author, collection, record_id)
            await tx.execute(
                raw("INSERT INTO holdfast.blocks (collection_id, record_id, reason) VALUES (")
                + value(collection.id, "text")
                + raw(", ")
                + value(record_id, "text")
                + raw(", ")
                + value(reason, "text")
                + raw(") ON CONFLICT (collection_id, record_id) DO UPDATE SET reason = excluded.reason")
            )
            details = {"note": reason} if reason else None
            target = account_target(collection, record_id)
            await write(tx, author, Entry(action="auth.blocked", target=target, details=details))


async def unblock(engine: Engine, author: Author, collection: Collection, record_id: str) -> bool:
    """Take the block away; False when there is none."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            gone = await tx.execute(raw("DELETE FROM holdfast.blocks WHERE") + _of(collection, record_id))
            if gone == "DELETE 0":
                return False
            await write(tx, author, Entry(action="auth.unblocked", target=account_target(collection, record_id)))
            return True


async def sign_out(engine: Engine, author: Author, collection: Collection, record_id: str) -> None:
    """End every login of an account: tokens, sessions, links that were mailed. Raises NotFound."""
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await _end_logins(engine, tx, author, collection, record_id)
            await write(tx, author, Entry(action="auth.signed_out", target=account_target(collection, record_id)))


async def _end_logins(engine: Engine, tx: Transaction, author: Author, collection: Collection, record_id: str) -> None:
    await tell(tx, author)
    changes = {"tokenKey": new_token_key(collection)}
    write_key = Write(
        catalog=engine.catalog, collection=collection, who=SERVER, id=record_id, body=changes, fields="id"
    )
    await update(engine, write_key, tx)
    await tx.execute(raw("DELETE FROM holdfast.sessions WHERE") + _of(collection, record_id))


def _of(collection: Collection, record_id: str) -> Sql:
    return raw(" collection_id = ") + value(collection.id, "text") + raw(" AND record_id = ") + value(record_id, "text")
