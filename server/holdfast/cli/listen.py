"""The socket that the server listens on, opened before anything else so that a taken port costs no time."""

import errno
import socket
from typing import Final

from holdfast.db.cannot_start import CannotStart

BACKLOG: Final = 2048  # connections that wait to be accepted


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises CannotStart with what is wrong and what to do about it.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as failure:
        raise CannotStart(f"The host {host!r} is no address of this machine: check --host.") from failure
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        # On Linux two sockets may bind one port as long as neither listens, so the port is ours only now.
        bound.listen(BACKLOG)
    except OSError as failure:
        bound.close()
        raise CannotStart(_reason(failure, host, port)) from failure
    return bound


def _reason(failure: OSError, host: str, port: int) -> str:
    if failure.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program: stop that one, or choose another with --port."
    if failure.errno == errno.EACCES:
        return f"Port {port} is not open to this user: choose one above 1023 with --port."
    if failure.errno == errno.EADDRNOTAVAIL:
        return f"The host {host!r} is no address of this machine: check --host."
    return f"Holdfast cannot listen on {host}, port {port}: {failure.strerror}."


def address(bound: socket.socket) -> str:
    """The URL under which this machine reaches the socket."""
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if bound.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
