"""What one setting is: its kind, its help, and how a value from outside is read."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

import msgspec

Read: TypeAlias = Callable[[object], object]
"""Turns a value from the environment (text), the file or the command line into the setting's own; ValueError if not."""

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


class Kind(msgspec.Struct, frozen=True):
    """What a setting takes: `allowed` in words, and how it is read."""

    allowed: str
    read: Read


class About(msgspec.Struct, frozen=True):
    """What is said of a setting beside its name, type and default.

    `environment` is empty for the usual name, HOLDFAST_ and the setting's name in capitals.
    The value of a `secret` setting is never shown, not even in an error about it.
    """

    help: str
    kind: Kind
    environment: str = ""
    secret: bool = False


class Setting(msgspec.Struct, frozen=True):
    """A setting as data."""

    name: str
    environment: str
    default: Any
    about: About

    def shown(self, value: object) -> object:
        """A value of the setting as an operator may see it: anywhere, on a screen as in a log."""
        if self.about.secret and value:
            return "(hidden)"
        if isinstance(value, tuple):
            return list(cast(tuple[object, ...], value))
        return str(value) if isinstance(value, Path) else value


def text() -> Kind:
    """Any text."""
    return Kind("text", _text)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value.strip()


def switch() -> Kind:
    """True or false."""
    return Kind("true or false", _switch)


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _text(value).lower()
    if word not in _YES | _NO:
        raise ValueError
    return word in _YES


def whole(least: int, most: int) -> Kind:
    """A whole number between two others, both included."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        # ASCII digits alone: int() would also take "1_000" and digits of other scripts.
        if isinstance(value, str) and not (value.strip().isascii() and value.strip().isdigit()):
            raise ValueError
        number = int(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return Kind(f"a whole number from {least} to {most}", read)


def choice(*words: str) -> Kind:
    """One of a few words."""

    def read(value: object) -> str:
        word = _text(value).lower()
        if word not in words:
            raise ValueError
        return word

    return Kind("one of " + ", ".join(words), read)


def folder() -> Kind:
    """A directory, made absolute from where the server is started."""
    return Kind("the path of a directory", _folder)


def _folder(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise ValueError
    return Path(value).expanduser().absolute()


def url(*schemes: str) -> Kind:
    """A URL with one of the schemes; empty for none."""

    def read(value: object) -> str:
        address = _text(value)
        if address and urlsplit(address).scheme not in schemes:
            raise ValueError
        return address

    return Kind("a URL that begins with " + " or ".join(f"{scheme}://" for scheme in schemes), read)


def domain() -> Kind:
    """A domain name; empty for none."""
    return Kind("a domain such as example.com", _domain)


def _domain(value: object) -> str:
    found = _text(value).lower().removesuffix(".")
    parts = urlsplit(f"//{found}")
    if found and (parts.hostname != found or not re.fullmatch(r"[a-z0-9.-]+", found) or found.startswith((".", "-"))):
        raise ValueError
    return found


def origin() -> Kind:
    """Scheme, host and port of a web site; empty for none."""
    return Kind("an address such as https://api.example.com, without a path", _origin)


def _origin(value: object) -> str:
    address = _text(value).rstrip("/")
    parts = urlsplit(address)
    port = parts.port  # raises ValueError for one that is no port
    if address and (parts.scheme not in ("http", "https") or not parts.hostname or port == 0):
        raise ValueError
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValueError
    return address.lower()


def origins() -> Kind:
    """Several origins, or `*` for any."""
    return Kind(
        "addresses such as https://app.example.com with commas between them, or * for any",
        _each(lambda part: "*" if part == "*" else _origin(part)),
    )


def networks() -> Kind:
    """Several IP addresses or networks."""
    return Kind(
        "addresses or networks such as 10.0.0.0/8 with commas between them",
        _each(lambda part: str(ipaddress.ip_network(_text(part), strict=False))),
    )


def inner_networks() -> Kind:
    """Several networks of the operator's own. Link-local ones are nobody's own: metadata services are there."""
    return Kind(
        "networks such as 10.1.0.0/16 with commas between them, none of them link-local or multicast",
        _each(_inner_network),
    )


def _inner_network(part: object) -> str:
    network = ipaddress.ip_network(_text(part), strict=False)
    if network.is_link_local or network.is_multicast or network.is_unspecified:
        raise ValueError
    return str(network)


def words() -> Kind:
    """A list of texts."""
    return Kind("a list of names", _each(_text))


def _each(read: Callable[[object], str]) -> Read:
    """Read a list: from text with commas, or as the file has it."""

    def read_all(value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            parts: list[object] = [part for part in value.split(",") if part.strip()]
        elif isinstance(value, list | tuple):
            parts = list(cast(list[object], value))
        else:
            raise ValueError
        return tuple(read(part.strip() if isinstance(part, str) else part) for part in parts)

    return read_all
