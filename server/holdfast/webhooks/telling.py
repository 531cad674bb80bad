"""Mails to the superusers about a webhook, as jobs of the transaction that they follow from."""

from collections.abc import Sequence
from html import escape
from typing import Final

import structlog

from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import Unavailable
from holdfast.mail.later import require_mail, send_later
from holdfast.mail.message import BadMail, Message, on_one_line
from holdfast.schema.system import SUPERUSERS
from holdfast.webhooks.endpoint import Endpoint

MOST_TOLD: Final = 50  # superusers
_WHO: Final = Statement.of(
    raw("SELECT email FROM ")
    + qualified("public", SUPERUSERS)
    + raw(" WHERE email <> '' ORDER BY created, id LIMIT ")
    + named("most", "bigint")
)
_log: Final = structlog.get_logger("holdfast.webhooks")


async def tell_superusers(
    engine: Engine, tx: Transaction, endpoint: Endpoint, happened: str, sentences: Sequence[str]
) -> None:
    """Promise each superuser a mail that says what has happened. Where no mail is set up, the log has to do."""
    try:
        require_mail(engine)
    except Unavailable:
        return
    app_name = engine.options.meta.app_name
    for row in await tx.fetch(_WHO, Inputs(named={"most": MOST_TOLD})):
        try:
            await send_later(engine, letter(endpoint, row["email"], app_name, happened, sentences), tx)
        except BadMail as failure:
            _log.warning("a superuser could not be told of a webhook", webhook=endpoint.id, reason=str(failure))


def letter(endpoint: Endpoint, to: str, app_name: str, happened: str, sentences: Sequence[str]) -> Message:
    """Such a mail: `happened` is its subject. Raises BadMail when `to` is no address."""
    what = endpoint.draft.description or endpoint.draft.url
    paragraphs = (f"{app_name}: {happened}: {what}", f"Address: {endpoint.draft.url}", *sentences)
    return Message(
        to=to,
        subject=on_one_line(f"{app_name}: {happened}"),
        html="".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs),
    )
