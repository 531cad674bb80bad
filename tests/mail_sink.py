"""A mail server that keeps what it is given: real SMTP on a free port, with or without STARTTLS, TLS and a login."""

import asyncio
import re
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from client import Api


class Letter(msgspec.Struct, frozen=True):
    """A mail that came in, and how: over TLS or not, and who was logged in."""

    sender: str
    to: str
    mail: EmailMessage
    encrypted: bool
    user: str

    @property
    def subject(self) -> str:
        return str(self.mail["Subject"])

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def find(self, pattern: str) -> str:
        """The first group of a pattern in the text, such as the token of a link."""
        found = re.search(pattern, self.text)
        assert found is not None, self.text
        return found[1]

    @property
    def token(self) -> str:
        """The JSON web token in the text."""
        return self.find(r"(eyJ[\w-]+\.[\w-]+\.[\w-]+)")

    def _part(self, kind: str) -> str:
        part = self.mail.get_body((kind,))
        assert part is not None, self.mail
        return str(part.get_content()).replace("\r\n", "\n")


class Mailbox:
    """Takes every mail. `answers` are given first, one to each RCPT: "451 later" postpones a mail, "550 no" refuses it.

    With a `certificate` it speaks TLS: from the first byte if `implicit`, else by STARTTLS. With `login` (user and
    password) nobody gets by without.
    """

    def __init__(
        self,
        *,
        certificate: ssl.SSLContext | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        utf8: bool = True,
        port: int = 0,
    ) -> None:
        self.letters: list[Letter] = []
        self.answers: list[str] = []
        self.tried: list[str] = []  # to whom, each time that somebody tried
        self.methods: list[str] = []  # how somebody logged in
        self._open = threading.Event()
        self._open.set()
        self._busy = 0
        self._login = login
        self._implicit = implicit
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

        def protocol() -> SMTP:
            return SMTP(
                self,
                loop=self._loop,
                hostname="mailbox.test",
                enable_SMTPUTF8=utf8,
                tls_context=None if implicit else certificate,
                require_starttls=certificate is not None and not implicit,
                authenticator=self._authenticate if login else None,
                auth_require_tls=certificate is not None and not implicit,
                ident="mailbox",
            )

        async def start() -> asyncio.Server:
            context = certificate if implicit else None
            return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, ssl=context)

        self._server = asyncio.run_coroutine_threadsafe(start(), self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def options(self) -> dict[str, Any]:
        """What the operator sets for this mail server, as `smtp` of /api/settings."""
        found: dict[str, Any] = {"enabled": True, "host": "127.0.0.1", "port": self.port}
        if self._login:
            found |= {"username": self._login[0], "password": self._login[1]}
        return found

    async def wait(self, to: str | None = None, *, about: str = "", count: int = 1, seconds: float = 10.0) -> Letter:
        """The newest mail to this address with these words, as soon as there are `count` of them."""
        deadline = time.monotonic() + seconds
        while len(found := self.to(to, about=about)) < count:
            assert time.monotonic() < deadline, f"no mail to {to} within {seconds} s: {self.letters}"
            await asyncio.sleep(0.01)
        return found[-1]

    def to(self, address: str | None = None, *, about: str = "") -> list[Letter]:
        """The mails to an address, or all; with these words in them."""
        return [letter for letter in self.letters if address in (None, letter.to) and about in letter.text]

    def hold(self) -> None:
        """Answer no RCPT until `go_on`."""
        self._open.clear()

    def go_on(self) -> None:
        """Answer again."""
        self._open.set()

    @property
    def quiet(self) -> bool:
        """Whether nobody is being answered."""
        return self._busy == 0

    def close(self) -> None:
        """Take no more mail. A second time does nothing."""
        if self._loop.is_closed():
            return

        async def stop() -> None:
            self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _authenticate(self, _: SMTP, session: Session, __: Envelope, mechanism: str, data: Any) -> AuthResult:
        self.methods.append(mechanism)
        given = (data.login.decode(), data.password.decode())
        cast(Any, session).user = given[0]
        return AuthResult(success=given == self._login, handled=False)

    async def handle_RCPT(self, _: SMTP, session: Session, envelope: Envelope, address: str, __: list[str]) -> str:
        if self._login and not session.authenticated:
            return "530 log in first"
        self.tried.append(address)
        self._busy += 1
        try:
            await asyncio.to_thread(self._open.wait, 30)
        finally:
            self._busy -= 1
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:
        content = cast(bytes, envelope.content)
        mail = cast(EmailMessage, message_from_bytes(content, policy=cast(Any, policy.default)))
        for to in envelope.rcpt_tos:
            user = getattr(session, "user", "")
            encrypted = self._implicit or session.ssl is not None
            self.letters.append(Letter(envelope.mail_from or "", to, mail, encrypted, user))
        return "250 OK"


@contextmanager
def mail_server(**options: Any) -> Generator[Mailbox]:
    """A mailbox for the block."""
    made = Mailbox(**options)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server without TLS and login, as on a developer's machine."""
    with mail_server() as made:
        yield made


@pytest.fixture
async def mail_api(start_api: Callable[..., AbstractAsyncContextManager[Api]], mailbox: Mailbox) -> AsyncIterator[Api]:
    """The application with a superuser, which does its jobs and sends its mail to `mailbox`."""
    async with start_api(background=True) as api:
        await use_mailbox(api, mailbox)
        yield api


async def use_mailbox(api: Api, mailbox: Mailbox) -> None:
    """Let an application send its mail to the mailbox."""
    answer = await api.root.patch("/api/settings", json={"smtp": mailbox.options})
    assert answer.status_code == 200, answer.text
