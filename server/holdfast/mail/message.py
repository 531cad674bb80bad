"""A mail, before it is one: to whom, about what, and the text."""

import re
import secrets
from typing import Final

import msgspec

from holdfast.schema.email import is_email

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
MAX_HEADER_CHARS: Final = 998  # RFC 5322, 2.1.1: a line; the folding of longer words is where mail programs differ


class BadMail(ValueError):
    """A mail that cannot be sent as it is: an address that is none, or a line break where a header would go on."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one person. The sender is the one of the operator's options when it is sent.

    `text` is made of `html` where it is empty. `id` is the same on every attempt, so that a receiver can tell a
    second copy. Raises BadMail for a line break in what becomes a header, and for an address that is none.
    """

    to: str
    subject: str
    html: str
    to_name: str = ""
    text: str = ""
    id: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        check_address(self.to)
        for what, content in (("subject", self.subject), ("name", self.to_name), ("id", self.id)):
            check_header(what, content)


def check_header(what: str, content: str) -> None:
    """Raise BadMail for a text that cannot be one header."""
    if _CONTROL.search(content) is not None:
        raise BadMail(f"The {what} of a mail cannot hold a line break or a control character.")
    if len(content) > MAX_HEADER_CHARS:
        raise BadMail(f"The {what} of a mail can have at most {MAX_HEADER_CHARS} characters.")


def check_address(address: str) -> None:
    """Raise BadMail for an address that mail cannot be sent to."""
    if _CONTROL.search(address) is not None or not is_email(address):
        raise BadMail("This is no address that mail can be sent to.")


def on_one_line(text: str) -> str:
    """The text as one header can hold it: line breaks and the like become spaces, and what is too long is cut off."""
    return " ".join(_CONTROL.sub(" ", text).split())[:MAX_HEADER_CHARS]
