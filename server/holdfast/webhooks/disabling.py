"""An endpoint is turned off by the server: that is an event, and the superusers get a mail."""

from html import escape
from typing import Final

import msgspec
import structlog

from holdfast.audit.author import SERVER
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.mail.later import require_mail, send_later
from holdfast.mail.message import BadMail, Message, on_one_line
from holdfast.schema.system import SUPERUSERS
from holdfast.webhooks.audited import KIND
from holdfast.webhooks.endpoint import Endpoint

DISABLED: Final = "system.webhook_disabled"
MOST_TOLD: Final = 50  # superusers
_DISABLE: Final = Statement.of(
    raw("UPDATE holdfast.webhooks AS w SET disabled = ")
    + named("reason", "text")
    + raw(", updated = now() WHERE w.disabled = '' AND w.id = ")
    + named("id", "text")
    + raw(" RETURNING w.id")
)
_TELL: Final = Statement.of(
    raw("INSERT INTO holdfast.outbox (type, record) VALUES (")
    + named("type", "text")
    + raw(", ")
    + named("record", "text")
    + raw(")")
)
_WHO: Final = Statement.of(
    raw("SELECT email FROM ")
    + qualified("public", SUPERUSERS)
    + raw(" WHERE email <> '' ORDER BY created, id LIMIT ")
    + named("most", "bigint")
)
_log: Final = structlog.get_logger("holdfast.webhooks")


async def disable(engine: Engine, endpoint: Endpoint, reason: str) -> None:
    """Turn an endpoint off, once. What it would get queues up for as long as deliveries and events are kept."""
    async with engine.pool.transaction() as tx:
        if await tx.fetchrow(_DISABLE, Inputs(named={"reason": reason, "id": endpoint.id})) is None:
            return
        record = {"id": endpoint.id, "url": endpoint.draft.url, "reason": reason}
        told = {"type": DISABLED, "record": msgspec.json.encode(record).decode()}
        await tx.execute(_TELL, Inputs(named=told))
        target = Target(KIND, endpoint.id, endpoint.draft.url)
        await write(tx, SERVER, Entry(action="webhook.disabled", target=target, after={"disabled": reason}))
        await _mail(engine, tx, endpoint, reason)
    _log.error("a webhook was turned off", webhook=endpoint.id, reason=reason)


async def _mail(engine: Engine, tx: Transaction, endpoint: Endpoint, reason: str) -> None:
    try:
        require_mail(engine)
    except Unavailable:
        return  # the log and the event say it, too
    for row in await tx.fetch(_WHO, Inputs(named={"most": MOST_TOLD})):
        try:
            await send_later(engine, letter(endpoint, reason, row["email"], engine.options.meta.app_name), tx)
        except BadMail as failure:
            _log.warning("a superuser could not be told that a webhook was turned off", reason=str(failure))


def letter(endpoint: Endpoint, reason: str, to: str, app_name: str) -> Message:
    """The mail that says so. Raises BadMail when `to` is no address."""
    what = endpoint.draft.description or endpoint.draft.url
    paragraphs = (
        f"{app_name} has turned off a webhook: {what}",
        f"Address: {endpoint.draft.url}",
        f"Why: {reason}",
        f'What it would get is queued. Turn it on with PATCH /api/webhooks/{endpoint.id} and {{"active": true}}.',
    )
    return Message(
        to=to,
        subject=on_one_line(f"{app_name}: a webhook was turned off"),
        html="".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs),
    )
