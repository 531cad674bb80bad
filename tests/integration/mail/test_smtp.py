"""Mail goes to a real mail server, in every way that one may want it, and what that says is understood."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import holdfast.mail.smtp as smtp_module
from holdfast.mail.message import Message
from holdfast.mail.mime import mime
from holdfast.mail.smtp import Postponed, Refused, send
from holdfast.schema.app_options import Meta, Smtp
from mail_sink import Mailbox, mail_server
from tls_postgres import make_certificate

LOGIN = ("ann", "p:äss wörd")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for 127.0.0.1, which this process trusts."""
    context = untrusted(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.crt"))
    return context


def untrusted(folder: Path) -> ssl.SSLContext:
    make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context


async def deliver(box: Mailbox, *, to: str = "bob@example.com", **options: Any) -> None:
    """Send one mail to the mailbox."""
    smtp = msgspec.convert(box.options | options, Smtp)
    message = Message(to=to, subject="Hi", html="<p>Hello</p>")
    await send(smtp, mime(message, Meta(), datetime.now(UTC)), "support@example.com", to)


async def test_a_mail_arrives_from_the_sender_that_is_set(mailbox: Mailbox):
    await deliver(mailbox)
    letter = await mailbox.wait("bob@example.com")
    assert (letter.sender, letter.encrypted, letter.user) == ("support@example.com", False, "")
    assert (letter.subject, letter.text, letter.html) == ("Hi", "Hello\n", "<p>Hello</p>\n")


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "TLS from the first byte"])
@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
async def test_a_mail_goes_over_tls_with_a_login(certificate: ssl.SSLContext, implicit: bool, method: str):
    with mail_server(certificate=certificate, implicit=implicit, login=LOGIN) as box:
        await deliver(box, tls=implicit, authMethod=method)
        letter = await box.wait("bob@example.com")
    assert (letter.encrypted, letter.user) == (True, LOGIN[0])
    assert box.methods == [method]


async def test_plain_is_the_login_where_none_is_named():
    with mail_server(login=LOGIN) as box:
        await deliver(box)
        await box.wait("bob@example.com")
    assert box.methods == ["PLAIN"]


async def test_a_password_is_not_sent_in_the_clear_to_another_machine(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(smtp_module, "_is_this_machine", lambda _: False)
    with mail_server(login=LOGIN) as box:
        with pytest.raises(Postponed, match="offers no encryption"):
            await deliver(box)
    assert box.methods == []


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("localhost.example", False)],
)
def test_this_machine_is_known_by_its_loopback_addresses(host: str, local: bool):
    assert smtp_module._is_this_machine(host) is local


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "TLS from the first byte"])
async def test_a_certificate_that_nobody_vouches_for_is_not_taken(tmp_path: Path, implicit: bool):
    with mail_server(certificate=untrusted(tmp_path), implicit=implicit) as box:
        with pytest.raises(Postponed, match=r"(?i)certificate"):
            await deliver(box, tls=implicit)
    assert box.tried == []


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("450 mailbox busy", Postponed),
        ("451 try later", Postponed),
        ("452 full", Postponed),
        ("550 no such user", Refused),
        ("553 bad name", Refused),
        ("554 spam", Refused),
    ],
)
async def test_what_the_mail_server_says_decides_whether_to_try_again(
    mailbox: Mailbox, answer: str, failure: type[Exception]
):
    mailbox.answers.append(answer)
    with pytest.raises(failure) as refusal:
        await deliver(mailbox)
    assert str(refusal.value) == answer
    assert mailbox.letters == []


async def test_a_wrong_password_is_the_operators_to_correct_so_the_mail_waits():
    with mail_server(login=LOGIN) as box:
        with pytest.raises(Postponed, match="535"):
            await deliver(box, password="wrong")


async def test_a_mail_server_that_is_not_there_may_come_back():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        options = Smtp(enabled=True, host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(Postponed, match="connecting"):
            await send_plain(options)
    with pytest.raises(Postponed):
        await send_plain(Smtp(enabled=True, host="nowhere.invalid", port=25))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("169.254.169.254", "169.254.169.254", id="S-47 metadata"),
        pytest.param("2852039166", "169.254.169.254", id="S-47 metadata in decimal"),
        pytest.param("::ffff:169.254.169.254", "::ffff:169.254.169.254", id="S-47 metadata, mapped"),
        pytest.param("0.0.0.0", "0.0.0.0", id="S-47 any address of this machine"),
    ],
)
async def test_a_mail_server_is_never_where_the_credentials_of_the_machine_are(host: str, address: str):
    with pytest.raises(Postponed) as refusal:
        await send_plain(Smtp(enabled=True, host=host, port=80))
    assert str(refusal.value) == f"{host} leads to {address}, which is never asked."


async def test_a_name_is_tried_at_all_of_its_addresses(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch):
    port = mailbox.options["port"]
    nobody = ("127.0.0.2", port)
    loop = asyncio.get_running_loop()
    look_up = loop.getaddrinfo

    async def both(host: str, *asked: Any, **more: Any) -> list[Any]:
        if host != "mail.example.com":  # uvloop looks up addresses as well
            return await look_up(host, *asked, **more)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("169.254.169.254", port)), (*kind, nobody), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", both)
    await deliver(mailbox, host="mail.example.com")
    assert (await mailbox.wait("bob@example.com")).subject == "Hi"


async def send_plain(options: Smtp) -> None:
    message = Message(to="bob@example.com", subject="Hi", html="")
    await send(options, mime(message, Meta(), datetime.now(UTC)), "support@example.com", message.to)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_a_mail_server_that_says_nothing_is_given_up_after_a_while(silent: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smtp_module, "STEP_SECONDS", 0.2)
    with pytest.raises(Postponed, match=r"(?i)timed out"):
        await send_plain(Smtp(enabled=True, host="127.0.0.1", port=silent))


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"554 go away\r\n", b"220 x\r\n", b""])
async def test_something_else_than_a_mail_server_is_not_trusted_with_a_mail(
    said: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(smtp_module, "STEP_SECONDS", 0.5)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Postponed):
            await send_plain(Smtp(enabled=True, host="127.0.0.1", port=port))


async def test_an_address_in_other_letters_needs_a_mail_server_that_takes_it(mailbox: Mailbox):
    await deliver(mailbox, to="änne@müller.example")
    letter = await mailbox.wait("änne@xn--mller-kva.example")
    assert "änne@" in str(letter.mail["To"])
    with mail_server(utf8=False) as old:
        with pytest.raises(Refused, match="other letters"):
            await deliver(old, to="änne@müller.example")
        await deliver(old, to="anne@müller.example")
        await old.wait("anne@xn--mller-kva.example")


async def test_many_mails_at_once_arrive_each_once(mailbox: Mailbox):
    await asyncio.gather(*(deliver(mailbox, to=f"p{number}@example.com") for number in range(30)))
    assert sorted(letter.to for letter in mailbox.letters) == sorted(f"p{number}@example.com" for number in range(30))
    assert len({letter.mail["Message-ID"] for letter in mailbox.letters}) == 30
