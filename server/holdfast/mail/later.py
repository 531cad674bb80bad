"""How a mail is promised: it goes out as a job, so that no request ever waits for a mail server."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from holdfast.db.pool import Transaction
from holdfast.errors import Unavailable
from holdfast.jobs.enqueue import enqueue
from holdfast.mail.message import Message
from holdfast.mail.template import Filling, render
from holdfast.schema.app_options import is_production
from holdfast.schema.auth_templates import MailTemplate

if TYPE_CHECKING:  # the engine lies in a layer above
    from holdfast.engine import Engine

JOB: Final = "mail"
NOT_SET_UP: Final = "This server cannot send mail: its operator has to set up SMTP first (`smtp` of /api/settings)."
_RETRY_SECONDS: Final = 300


async def send_later(engine: "Engine", message: Message, tx: Transaction | None = None) -> None:
    """Promise a mail. With a transaction it goes out if that commits, and not otherwise.

    Raises what `require_mail` raises.
    """
    require_mail(engine)
    await enqueue(tx or engine.pool, JOB, message)


def require_mail(engine: "Engine") -> None:
    """Raise Unavailable where mail can neither be sent nor, as in development, be shown in the log.

    Call it before looking whether an account exists: so that the refusal says nothing about that.
    """
    if not engine.options.smtp.enabled and is_production(engine.catalog.options, engine.settings):
        raise Unavailable(NOT_SET_UP, retry_after=_RETRY_SECONDS)


def from_template(
    engine: "Engine",
    template: MailTemplate,
    to: str,
    *,
    token: str | None = None,
    otp: str | None = None,
    otp_id: str | None = None,
    alert_info: str | None = None,
    record: Mapping[str, str] | None = None,
) -> Message:
    """The mail that a template becomes. `record` holds the fields that the person may see, as text.

    Links lead to the address that the operator has set and never to what a request calls the server.
    Raises BadMail when `to` is no address.
    """
    meta = engine.options.meta
    filling = Filling(
        app_name=meta.app_name,
        app_url=meta.app_url.rstrip("/"),
        token=token,
        otp=otp,
        otp_id=otp_id,
        alert_info=alert_info,
        record=record or {},
    )
    rendered = render(template, filling)
    return Message(to=to, subject=rendered.subject, html=rendered.html)
