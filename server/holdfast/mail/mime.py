"""A message as MIME: text and HTML side by side, headers that no content can reach into."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from holdfast.mail.message import BadMail, Message, check_address, check_header
from holdfast.mail.plain_text import plain_text
from holdfast.schema.app_options import Meta


def mime(message: Message, sender: Meta, now: datetime) -> EmailMessage:
    """The mail as it goes over the line. Raises BadMail when the sender's address is none."""
    check_header("sender's name", sender.sender_name)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(sender.sender_name, sender.sender_address)
    mail["To"] = _address(message.to_name, message.to)
    mail["Subject"] = message.subject
    mail["Date"] = now.astimezone(UTC)
    # The same on every attempt: a receiver that got the mail, and whose answer was lost, can tell the second copy.
    mail["Message-ID"] = f"<{message.id}@{ascii_domain(sender.sender_address)}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: keeps absence notes from answering
    mail.set_content(message.text or plain_text(message.html))
    mail.add_alternative(message.html, subtype="html")
    return mail


def envelope(address: str) -> str:
    """An address as SMTP is given it: a domain of other scripts in ASCII (IDNA); the part before the @ stays."""
    return f"{address.rpartition('@')[0]}@{ascii_domain(address)}"


def ascii_domain(address: str) -> str:
    """The domain of an address in ASCII. Raises BadMail when it is none."""
    domain = address.rpartition("@")[2]
    try:
        return domain.encode("idna").decode()
    except UnicodeError as failure:
        raise BadMail("This is no address that mail can be sent to.") from failure


def _address(name: str, address: str) -> Address:
    check_address(address)
    try:
        return Address(display_name=name, username=address.rpartition("@")[0], domain=ascii_domain(address))
    except ValueError as failure:  # such as two dots side by side
        raise BadMail("This is no address that mail can be sent to.") from failure
