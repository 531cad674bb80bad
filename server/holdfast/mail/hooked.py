"""What plugins do to a mail before it is handed over."""

from typing import TYPE_CHECKING

import msgspec

from holdfast.hooks.calling import call
from holdfast.hooks.origin import NOWHERE
from holdfast.mail.message import Message
from holdfast.plugin import Mail

if TYPE_CHECKING:  # the engine lies in a layer above
    from holdfast.engine import Engine


async def before_send(engine: "Engine", message: Message) -> Message | None:
    """The mail as plugins leave it; None if one drops it. Raises what they raise, and BadMail for what is no mail."""
    calls = engine.hooks.mail_before_send
    if not calls:
        return message
    mail = Mail(message.to, message.to_name, message.subject, message.html, message.text)
    await call(calls, NOWHERE, mail)
    if mail.dropped:
        return None
    return msgspec.structs.replace(
        message, to=mail.to, to_name=mail.to_name, subject=mail.subject, html=mail.html, text=mail.text
    )
