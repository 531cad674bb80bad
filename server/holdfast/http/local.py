"""Whether a request comes from this very machine: a program or a browser of its own, and nobody behind it."""

from typing import Final

from holdfast.http.peer import is_loopback
from holdfast.http.request import Request

HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
FORWARDING: Final = (
    b"forwarded",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
)
"""A proxy on this machine says with one of these that somebody else asks."""


def is_local(request: Request) -> bool:
    """Whether a browser or a script on this very machine asks, and no proxy in between.

    The Host header is looked at too: else any web page could have a name of its own point at 127.0.0.1 and read. And so
    is what a browser says of the page that asks: with CORS open to all, any page could read without such a name.
    """
    headers = request.headers
    if any(name in headers for name in FORWARDING) or headers.get(b"sec-fetch-site") == b"cross-site":
        return False
    origin = request.header(b"origin")
    if origin and _name_of(origin.rpartition("//")[2]) not in HOSTS:
        return False
    return _name_of(request.header(b"host")) in HOSTS and is_loopback(request.client)


def _name_of(host: str) -> str:
    """A host without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
