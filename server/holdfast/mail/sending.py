"""The job that sends a mail, or shows it in the log where there is no mail server in development."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from holdfast.jobs.job import GiveUp, Job, JobKind
from holdfast.log_redaction import Readable
from holdfast.mail.hooked import before_send
from holdfast.mail.later import JOB, NOT_SET_UP
from holdfast.mail.message import BadMail, Message
from holdfast.mail.mime import mime
from holdfast.mail.plain_text import plain_text
from holdfast.mail.smtp import Postponed, Refused, send
from holdfast.schema.app_options import is_production

if TYPE_CHECKING:  # the engine lies in a layer above
    from holdfast.engine import Engine

_decode: Final = msgspec.json.Decoder(Message).decode
_log: Final = structlog.get_logger("holdfast.mail")


async def send_now(engine: "Engine", message: Message) -> None:
    """Send a mail and wait for it. Raises Refused when it will never go out, and Postponed when it may later."""
    options = engine.options
    try:
        changed = await before_send(engine, message)
    except BadMail as failure:
        raise Refused(str(failure)) from failure
    if changed is None:
        _log.info("a plugin dropped a mail", message_id=message.id)
        return
    message = changed
    if options.smtp.enabled:
        try:
            mail = mime(message, options.meta, datetime.now(UTC))
        except BadMail as failure:
            raise Refused(str(failure)) from failure
        await send(options.smtp, mail, options.meta.sender_address, message.to)
        _log.info("sent a mail", message_id=message.id)
        return
    if is_production(engine.catalog.options, engine.settings):
        raise Postponed(NOT_SET_UP)
    _show(message)


def _show(message: Message) -> None:
    """Write a mail into the log, with the links that a developer wants to open."""
    _log.warning(
        "SMTP is not set up, so this mail is shown here and not sent",
        to=message.to,
        subject=message.subject,
        mail=Readable(message.text or plain_text(message.html)),
    )


async def _run(engine: "Engine", job: Job) -> None:
    try:
        await send_now(engine, _decode(job.payload))
    except Refused as failure:
        raise GiveUp(str(failure)) from failure


MAIL: Final = JobKind(name=JOB, run=_run, attempts=10, seconds=60.0, at_once=8)
