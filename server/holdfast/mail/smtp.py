"""Hands a mail over to a mail server."""

import ipaddress
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final

from holdfast.mail.message import BadMail
from holdfast.mail.mime import envelope
from holdfast.outbound.dial import dial
from holdfast.outbound.refused import Refused as NeverAsked
from holdfast.schema.app_options import Smtp

if TYPE_CHECKING:  # 2 MB that a server without mail does without: imported when the first mail goes out
    from aiosmtplib import SMTP

STEP_SECONDS: Final = 15.0  # for connecting, and for each answer of the mail server
MAX_ANSWER_CHARS: Final = 300


class MailFailed(Exception):
    """The mail did not go out. The text says why, in the mail server's words where it had some."""


class Refused(MailFailed):
    """The mail server does not want this mail, now or later (5xx)."""


class Postponed(MailFailed):
    """It may go out later: the mail server is away, asks to wait (4xx), or is not set up right."""


async def send(options: Smtp, mail: EmailMessage, sender: str, recipient: str) -> None:
    """Hand a mail over, on a connection of its own. Raises Refused or Postponed."""
    from aiosmtplib import SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException

    async with connected(options) as client:
        try:
            await client.send_message(mail, sender=envelope(sender), recipients=[envelope(recipient)])
        except SMTPRecipientsRefused as failure:
            raise _answered(failure.recipients[0]) from failure
        except SMTPResponseException as failure:
            raise _answered(failure) from failure
        except SMTPNotSupported as failure:
            message = "The mail server does not take addresses with other letters before the @."
            raise Refused(message) from failure
        except (SMTPException, OSError) as failure:
            raise Postponed(_one_line(str(failure))) from failure
        except (BadMail, ValueError) as failure:
            raise Refused(str(failure)) from failure


@asynccontextmanager
async def connected(options: Smtp) -> AsyncGenerator["SMTP", None]:
    """A connection, encrypted where it can be, that is logged in where there is a user name. Raises Postponed."""
    from aiosmtplib import SMTP, SMTPException

    client = SMTP(
        hostname=options.host,  # for the certificate: the connection is made by `dial`
        use_tls=options.tls,
        local_hostname=options.local_name or "localhost",  # else the library asks the name service for ours
        timeout=STEP_SECONDS,
    )
    try:
        await client.connect(sock=await _dial(options))
        await _log_in(client, options)
    except (SMTPException, OSError, ValueError) as failure:
        client.close()
        # The library knows no port of a connection that it is given.
        reason = str(failure).replace("port None", f"port {options.port}") or type(failure).__name__
        raise Postponed(_one_line(reason)) from failure
    try:
        yield client
    finally:
        # The mail is taken or refused by now: how the farewell goes changes nothing.
        with suppress(SMTPException, OSError):
            await client.quit(timeout=2)
        client.close()


async def _dial(options: Smtp) -> socket.socket:
    try:
        return await dial(options.host, options.port, seconds=STEP_SECONDS)
    except NeverAsked as failure:
        raise Postponed(str(failure)) from failure
    except TimeoutError as failure:
        raise Postponed(f"Timed out while connecting to {options.host}:{options.port}.") from failure
    except OSError as failure:
        reason = _one_line(str(failure))
        raise Postponed(f"Error while connecting to {options.host}:{options.port}: {reason}") from failure


async def _log_in(client: "SMTP", options: Smtp) -> None:
    if not options.username:
        return
    if client.get_transport_info("sslcontext") is None and not _is_this_machine(options.host):
        raise Postponed("The mail server offers no encryption (STARTTLS), so the password is not sent to it.")
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()
    if options.auth_method == "LOGIN":
        await client.auth_login(options.username, options.password)
    else:
        await client.auth_plain(options.username, options.password)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _answered(failure: object) -> MailFailed:
    """What an answer of the mail server means, by its code."""
    code = int(getattr(failure, "code", 0))
    text = _one_line(f"{code} {getattr(failure, 'message', '')}")
    return Refused(text) if 500 <= code < 600 else Postponed(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_ANSWER_CHARS]
