"""Writes the audit log: in the transaction of a change, or behind a login."""

from typing import Final

import msgspec
import structlog

from holdfast.audit.actions import AUTH
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, bounded
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import Inputs, Statement, join, literal, name, named, raw
from holdfast.events.context import SETTING

QUIET: Final = "holdfast.quiet"
"""A setting of the transaction: what it does to accounts is told elsewhere, or is nothing to tell."""
_COLUMNS: Final = (
    "action",
    "outcome",
    "reason",
    "actor_kind",
    "actor_collection",
    "actor_id",
    "actor_name",
    "actor_key",
    "target_kind",
    "target_id",
    "target_name",
    "request",
    "address",
    "client",
    "details",
    "before",
    "after",
)
# One statement, so that a login waits for one commit. What is no auth event leaves the outbox alone.
_WRITE: Final = Statement.of(
    raw("WITH told AS (INSERT INTO holdfast.outbox (type, record, context) SELECT ")
    + named("action", "text")
    + raw(", ")
    + named("record", "text")
    + raw(", ")
    + named("context", "text")
    + raw(" WHERE ")
    + named("record", "text")
    + raw(" IS NOT NULL) INSERT INTO holdfast.audit (")
    + join(", ", [name(column) for column in _COLUMNS])
    + raw(") VALUES (")
    + join(", ", [named(column, "text") for column in _COLUMNS])
    + raw(")")
)
_TELL: Final = Statement.of(
    raw("SELECT set_config(") + literal(SETTING) + raw(", ") + named("context", "text") + raw(", true)")
)
_HUSH: Final = Statement.of(raw("SELECT set_config(") + literal(QUIET) + raw(", 'on', true)"))
_log: Final = structlog.get_logger("holdfast.audit")


async def write(tx: Transaction, author: Author, entry: Entry) -> None:
    """Write an entry in the transaction of what it is about: it is there exactly if that is."""
    await tx.execute(_WRITE, _inputs(author, entry))


async def write_after(pool: Pool, author: Author, entry: Entry) -> None:
    """Write an entry about what is done already. Never raises: nothing is taken back for it."""
    try:
        await pool.execute(_WRITE, _inputs(author, entry))
    except Exception as failure:  # whatever it is, the login stands
        _log.error("an entry of the audit log could not be written", action=entry.action, exc_info=failure)


async def tell(tx: Transaction, author: Author) -> None:
    """Let the triggers know who changes accounts in this transaction."""
    await tx.execute(_TELL, Inputs(named={"context": author.context}))


async def hush(tx: Transaction) -> None:
    """Let the triggers write nothing about accounts in this transaction: one entry says it for all of them."""
    await tx.execute(_HUSH)


def _inputs(author: Author, entry: Entry) -> Inputs:
    actor, target = author.actor, entry.target
    return Inputs(
        named={
            "action": entry.action,
            "outcome": entry.outcome,
            "reason": entry.reason,
            "actor_kind": actor.kind,
            "actor_collection": actor.collection,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "actor_key": actor.key,
            "target_kind": target.kind,
            "target_id": target.id,
            "target_name": target.name,
            "request": author.request,
            "address": author.address,
            "client": author.client,
            "details": bounded(entry.details),
            "before": bounded(entry.before),
            "after": bounded(entry.after),
            "record": _record(entry),
            "context": author.context,
        }
    )


def _record(entry: Entry) -> str | None:
    """What an auth event tells of the account; None for what is no such event."""
    if not entry.action.startswith(AUTH):
        return None
    found: dict[str, object] = {"collection": entry.target.name, "id": entry.target.id}
    if entry.reason:
        found["reason"] = entry.reason
    return msgspec.json.encode(found | dict(entry.details or {})).decode()
