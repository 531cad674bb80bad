"""A mail server that keeps what it is given: real SMTP, in the test's own event loop."""

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import msgspec


class Mail(msgspec.Struct, frozen=True):
    """A mail that went out. `message` has its headers."""

    to: str
    message: EmailMessage

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """Its plain text."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """Its HTML."""
        return self._part("html")

    def find(self, pattern: str) -> str:
        """The first group of a pattern in the text, such as the token of a link."""
        found = re.search(pattern, self.text)
        if found is None:
            raise AssertionError(f"there is no {pattern!r} in the mail: {self.text}")
        return found[1]

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


class Mailbox:
    """Takes every mail, the oldest first in `mails`."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Take mail from now on."""
        from aiosmtpd.smtp import SMTP

        loop = asyncio.get_running_loop()
        made = cast(Any, SMTP)

        def protocol() -> asyncio.BaseProtocol:
            return made(self, loop=loop, hostname="mailbox.test", enable_SMTPUTF8=True, ident="mailbox")

        self._server = await loop.create_server(protocol, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def to(self, address: str) -> list[Mail]:
        """The mails to an address."""
        return [mail for mail in self.mails if mail.to == address]

    def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:
        """Called by aiosmtpd."""
        found = cast(EmailMessage, message_from_bytes(envelope.content, policy=cast(Any, policy.default)))
        self.mails += [Mail(to, found) for to in envelope.rcpt_tos]
        return "250 OK"
