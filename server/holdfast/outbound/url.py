"""Which URLs the server may be told to ask. Pure: what a name leads to is seen when it is dialled."""

import socket
import unicodedata
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import SplitResult

from holdfast.outbound.address import Network, is_dialable
from holdfast.schema.url import MAX_URL_CHARS, split_url

# Where other protocols are spoken: a request could be taken for commands there.
CLOSED_PORTS: Final = frozenset(
    int(port)
    for port in (
        "1 7 9 11 13 17 19 20 21 22 23 25 37 42 43 53 69 79 87 95 110 111 113 119 123 135 137 139 143 161 179 389 "
        "427 445 465 512 513 514 515 548 554 563 587 601 636 873 989 990 993 995 1433 1521 1719 1720 1723 2049 "
        "3306 3389 3659 4045 4190 5060 5061 5432 5672 5900 6000 6379 6566 6665 6666 6667 6668 6669 6697 9042 10080 "
        "11211 27017 "
    ).split()
)
MOST_NAME_CHARS: Final = 253
_INTERNAL: Final = ("localhost", "internal", "local", "lan", "home.arpa", "localdomain")


def check_url(url: str, allow: Sequence[Network] = (), *, https: bool = False) -> str | None:
    """What is wrong with a URL, as a sentence; None for one that may be asked.

    `allow` are the networks that the operator lets the server reach; `https`: nothing else will do.
    """
    parts = split_url(url)
    if parts is None:
        return f"Must be a URL of at most {MAX_URL_CHARS} characters, without spaces, such as https://example.com/hook."
    return _of_scheme(parts, https=https) or _of_host(parts, parts.hostname or "", allow) or _of_port(parts.port)


def _of_scheme(parts: SplitResult, *, https: bool) -> str | None:
    if parts.scheme not in ("http", "https"):
        return "Must begin with https:// or http://."
    if https and parts.scheme != "https":
        return "Must begin with https://."
    return None


def _of_host(parts: SplitResult, host: str, allow: Sequence[Network]) -> str | None:
    if "@" in parts.netloc:
        return "Must not hold a user name or password."
    if not host or "%" in parts.netloc:
        return "Must have a host, written plainly."
    name = unicodedata.normalize("NFKC", host).lower().removesuffix(".")
    address = _as_address(name)
    if address is not None:
        return None if is_dialable(address, allow) else "This address is not one of the public internet."
    if any(name == one or name.endswith(f".{one}") for one in _INTERNAL) and not allow:
        return "This name is not one of the public internet."
    return None if _can_be(name) else "Must have a host that can be: example.com, or an address."


def _can_be(name: str) -> bool:
    """Whether there can be a host of that name: labels of at most 63 characters, as names are sent (RFC 1035)."""
    try:
        sent = name.encode("idna")
    except UnicodeError:
        return False
    return len(sent) <= MOST_NAME_CHARS and all(sent.split(b"."))


def _as_address(name: str) -> str | None:
    """The IP address that a host is, also as systems still read it: 2130706433, 0x7f.1 and 127.1 are 127.0.0.1."""
    try:
        if ":" in name:
            return str(IPv6Address(name))
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, ValueError, UnicodeError):
        return None


def _of_port(port: int | None) -> str | None:
    if port is not None and (port == 0 or port in CLOSED_PORTS):
        return f"Nothing speaks HTTP on port {port}."
    return None
