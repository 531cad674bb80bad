"""Email fields."""

import re
import unicodedata
from typing import ClassVar, Final, LiteralString

from typing_extensions import override

from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.domain import domain_problems, is_allowed, is_domain
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.text import text_column
from holdfast.schema.words import read_words

# What no eye sees: controls, formats, blanks, and the letters and marks that Unicode says to show as nothing.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
MAX_EMAIL_CHARS: Final = 254  # RFC 5321, 4.5.3.1.3: a path of 256 with its brackets
_LOCAL_PART: Final = re.compile(r"[^\s\x00-\x20\x7f\"(),:;<>@\[\\\]]{1,64}")  # 64: RFC 5321, 4.5.3.1.1


class EmailField(Field, frozen=True, kw_only=True, tag="email"):
    """An address of `onlyDomains`, or of any but `exceptDomains`."""

    only_domains: tuple[str, ...] = ()
    except_domains: tuple[str, ...] = ()

    kind: ClassVar[Kind] = Kind.TEXT
    type: ClassVar[str] = "email"

    @override
    def column(self) -> Column:
        return text_column(nullable=self.nullable)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text"

    @override
    def read(self, value: object) -> object:
        # One spelling of what looks the same: a full-width letter, a ligature, an accent that stands apart.
        text = unicodedata.normalize("NFKC", read_words(value))
        if not text:
            return text
        local, _, domain = text.rpartition("@")
        if not is_email(text):
            raise FieldError("validation_is_email", "Must be an email address.")
        if not is_allowed(domain, self.only_domains, self.except_domains):
            raise FieldError("validation_email_domain_not_allowed", "Addresses of this domain are not taken.")
        return f"{local}@{domain}"

    @override
    def zero(self) -> object:
        return ""

    @override
    def problems(self) -> dict[str, Problem]:
        return domain_problems(self.only_domains, self.except_domains)


def is_email(text: str) -> bool:
    """Whether a text has the form of an address; quoted local parts and bare host names are not taken."""
    local, at, domain = text.rpartition("@")
    if not at or len(text) > MAX_EMAIL_CHARS or ".." in local or local.startswith(".") or local.endswith("."):
        return False
    return _LOCAL_PART.fullmatch(local) is not None and "." in domain and is_domain(domain) and _can_be_seen(text)


def _can_be_seen(text: str) -> bool:
    """Whether no character hides: two addresses that look the same would be two accounts."""
    if text.isascii():
        return True
    return _UNSEEN.search(text) is None and not any(unicodedata.category(char)[0] in "CZ" for char in text)
