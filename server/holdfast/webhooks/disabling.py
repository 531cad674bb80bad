"""An endpoint is turned off by the server: that is an event, and the superusers get a mail."""

from typing import Final

import structlog

from holdfast.audit.author import SERVER
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.events.telling import TELL, WEBHOOK_DISABLED, told
from holdfast.webhooks.audited import KIND
from holdfast.webhooks.endpoint import Endpoint
from holdfast.webhooks.telling import tell_superusers

HAPPENED: Final = "a webhook was turned off"
_DISABLE: Final = Statement.of(
    raw("UPDATE holdfast.webhooks AS w SET disabled = ")
    + named("reason", "text")
    + raw(", updated = now() WHERE w.disabled = '' AND w.id = ")
    + named("id", "text")
    + raw(" RETURNING w.id")
)
_log: Final = structlog.get_logger("holdfast.webhooks")


async def disable(engine: Engine, endpoint: Endpoint, reason: str) -> None:
    """Turn an endpoint off, once. What it would get queues up for as long as deliveries and events are kept."""
    async with engine.pool.transaction() as tx:
        if await tx.fetchrow(_DISABLE, Inputs(named={"reason": reason, "id": endpoint.id})) is None:
            return
        record = {"id": endpoint.id, "url": endpoint.draft.url, "reason": reason}
        await tx.execute(TELL, told(WEBHOOK_DISABLED, record))
        target = Target(KIND, endpoint.id, endpoint.draft.url)
        await write(tx, SERVER, Entry(action="webhook.disabled", target=target, after={"disabled": reason}))
        turn_on = (
            f'What it would get is queued. Turn it on with PATCH /api/webhooks/{endpoint.id} and {{"active": true}}.'
        )
        await tell_superusers(engine, tx, endpoint, HAPPENED, (f"Why: {reason}", turn_on))
    _log.error("a webhook was turned off", webhook=endpoint.id, reason=reason)
