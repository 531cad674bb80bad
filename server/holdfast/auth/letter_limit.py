"""How often an account is sent a mail that anybody can ask for: so that nobody can have it flooded."""

from typing import Final

from holdfast.auth.account import Account
from holdfast.auth.letters import LinkSort
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import Statement, raw, value
from holdfast.engine import Engine
from holdfast.schema.collection import Collection

AGAIN_AFTER_SECONDS: Final = 120  # between two mails of one sort to one account, as in PocketBase
SWEPT_AT_ONCE: Final = 10_000


async def is_due(tx: Transaction, collection: Collection, account: Account, sort: LinkSort) -> bool:
    """Whether the account had no mail of this sort of late; it has one now."""
    row = await tx.fetchrow(
        raw("INSERT INTO holdfast.auth_mails AS held (collection_id, record_id, sort) VALUES (")
        + value(collection.id, "text")
        + raw(", ")
        + value(account.id, "text")
        + raw(", ")
        + value(sort, "text")
        + raw(") ON CONFLICT (collection_id, record_id, sort) DO UPDATE SET sent = now() WHERE held.sent < now()")
        + raw(" - make_interval(secs => ")
        + value(AGAIN_AFTER_SECONDS, "double precision")
        + raw(") RETURNING 1")
    )
    return row is not None


async def allow_again(engine: Engine, collection: Collection, record_id: str, sort: LinkSort) -> None:
    """What was asked for is done: another mail of the sort may come at once."""
    sql = (
        raw("DELETE FROM holdfast.auth_mails WHERE collection_id = ")
        + value(collection.id, "text")
        + raw(" AND record_id = ")
        + value(record_id, "text")
        + raw(" AND sort = ")
        + value(sort, "text")
    )
    with as_api_errors():
        await engine.pool.execute(Statement.of(sql))


_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.auth_mails WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.auth_mails")
    + raw(" WHERE sent < now() - make_interval(secs => ")
    + value(AGAIN_AFTER_SECONDS, "double precision")
    + raw(") LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def sweep_letters(pool: Pool) -> int:
    """Forget mails that hold up no other any more; how many."""
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
