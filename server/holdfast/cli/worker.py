"""A server process of several: it is told what to do on its standard input, and that is also its lifeline."""

import os
import socket
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast.cli.loading import load_application
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.observe import ALONE, Place

CANNOT_START: Final = 3  # exit code of a process that could not open its application


class Duty(msgspec.Struct, frozen=True):
    """What a server process is told. It holds secrets, so it never goes over a command line or the environment."""

    settings: Settings
    dsn: str
    listener: int  # file descriptor of the listening socket
    place: Place = ALONE


def encode(duty: Duty) -> bytes:
    """The duty as one line."""
    return msgspec.json.encode(duty, enc_hook=str) + b"\n"


def decode(line: bytes) -> Duty:
    """The duty of such a line."""
    return msgspec.json.decode(line, type=Duty, dec_hook=_path)


def _path(kind: type, content: Any) -> Path:
    if kind is not Path:
        raise TypeError(f"a duty holds no {kind.__name__}")
    return Path(content)


def main() -> None:
    """Read the duty and answer requests until a signal, or the end of the standard input, says stop."""
    load_application()
    from holdfast.cli.application import serve_application

    duty = decode(sys.stdin.buffer.readline())
    bound = socket.socket(fileno=duty.listener)
    try:
        serve_application(duty.settings, duty.dsn, bound, ready=_nothing, orphaned=sys.stdin.fileno(), place=duty.place)
    except CannotStart as failure:
        sys.stderr.write(f"{failure}\n")
        # Nothing of this process is worth a slow exit, and signals are blocked by now.
        os._exit(CANNOT_START)


def _nothing() -> None:
    """The supervisor does not wait for a process to be ready: the socket holds the requests until then."""


if __name__ == "__main__":
    main()
