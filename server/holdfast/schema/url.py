"""Url fields."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import ClassVar, Final, LiteralString
from urllib.parse import SplitResult, urlsplit

from typing_extensions import override

from holdfast.errors import Problem
from holdfast.expressions.kind import Kind
from holdfast.schema.domain import domain_problems, is_allowed, is_domain
from holdfast.schema.field import Column, Field, FieldError
from holdfast.schema.text import text_column
from holdfast.schema.words import read_words

MAX_URL_CHARS: Final = 2083  # the longest that old browsers opened, and PocketBase's limit
SCHEMES: Final = frozenset(("http", "https", "ftp", "ws", "wss", "tcp", "udp"))
_FORBIDDEN: Final = re.compile(r"[\s\x00-\x20\x7f<>\"\\^`{|}]")


class UrlField(Field, frozen=True, kw_only=True, tag="url"):
    """The address of something on `onlyDomains`, or on any domain but `exceptDomains`."""

    only_domains: tuple[str, ...] = ()
    except_domains: tuple[str, ...] = ()

    kind: ClassVar[Kind] = Kind.TEXT
    type: ClassVar[str] = "url"

    @override
    def column(self) -> Column:
        return text_column(nullable=self.nullable)

    @property
    @override
    def cast(self) -> LiteralString:
        return "text"

    @override
    def read(self, value: object) -> object:
        text = read_words(value)
        if not text:
            return text
        host = _host(text)
        if host is None:
            raise FieldError("validation_invalid_url", "Must be a URL such as https://example.com/page.")
        if not is_allowed(host, self.only_domains, self.except_domains):
            raise FieldError("validation_url_domain_not_allowed", "URLs of this domain are not taken.")
        return text

    @override
    def zero(self) -> object:
        return ""

    @override
    def problems(self) -> dict[str, Problem]:
        return domain_problems(self.only_domains, self.except_domains)


def split_url(text: str) -> SplitResult | None:
    """The parts of a URL, its port a number; None where no URL can be meant: too long, spaces, brackets left open."""
    if len(text) > MAX_URL_CHARS or _FORBIDDEN.search(text) is not None:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def is_web_address(text: str) -> bool:
    """Whether a server can be asked at this address: http or https, any host, no user and no part of a page."""
    parts = split_url(text)
    if parts is None or "@" in parts.netloc or "#" in text or parts.port == 0:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _host(text: str) -> str | None:
    """The host of a URL, with or without its scheme; None when it is no URL."""
    parts = split_url(text if "://" in text else f"http://{text}")
    if parts is None or parts.scheme not in SCHEMES or parts.port == 0:
        return None
    host = parts.hostname or ""
    if not _is_host(parts, host):
        return None
    # Without a scheme a name in front of the host is somebody's email address.
    return host if "://" in text or parts.username is None else None


def _is_host(parts: SplitResult, host: str) -> bool:
    if "[" in parts.netloc:
        return _is_address(IPv6Address, host)
    if host.rpartition(".")[2].isdecimal():  # no top domain is a number, so this is an address, or just a number
        return _is_address(IPv4Address, host)
    return is_domain(host) and ("." in host or host == "localhost")


def _is_address(kind: type[IPv4Address] | type[IPv6Address], host: str) -> bool:
    try:
        kind(host)
    except AddressValueError:
        return False
    return True
