"""Logins, and where they are kept between runs of a program."""

from __future__ import annotations

import base64
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

LONGEST_MARGIN_SECONDS: Final = 3600.0
MARGIN: Final = 0.1  # of its life a token is renewed before its end


class Login(msgspec.Struct, frozen=True):
    """Who is logged in. `ends` and `renew_at` are in seconds since 1970, by the clock of this machine.

    `refresh_token` is empty but for sessions; `refreshable` says whether the token itself can be exchanged.
    """

    token: str
    collection: str = ""
    record_id: str = ""
    refresh_token: str = ""
    refreshable: bool = False
    ends: float = 0.0
    renew_at: float = 0.0

    @property
    def can_renew(self) -> bool:
        """Whether it can go on without asking anybody for a password."""
        return bool(self.refresh_token) or self.refreshable


class TokenStore(Protocol):
    """Where a login is kept. Write your own for a keyring or a database."""

    def load(self) -> Login | None:
        """The login that is kept."""
        ...

    def save(self, login: Login | None) -> None:
        """Keep a login in place of the one before; None forgets it."""
        ...


class MemoryTokens:
    """A login for as long as the program runs."""

    def __init__(self) -> None:
        self._login: Login | None = None

    def load(self) -> Login | None:
        """The login."""
        return self._login

    def save(self, login: Login | None) -> None:
        """Keep it."""
        self._login = login


class FileTokens:
    """A login in a file that its owner alone may read. Programs may share it: each takes what the last has written."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def load(self) -> Login | None:
        """The login; None where there is none, or something else."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Login)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def save(self, login: Login | None) -> None:
        """Keep it. A reader sees the one before or this one, and never a half."""
        if login is None:
            self._path.unlink(missing_ok=True)
            return
        import tempfile  # takes its time, which only who keeps a login has to wait for

        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(login))
            os.replace(name, self._path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise


def read_login(token: str, collection: str, record_id: str, refresh_token: str, date: str | None) -> Login:
    """A login as the server has just answered it. `date` is the answer's header: clocks differ."""
    now = time.time()
    claims = _claims(token)
    ends = claims.get("exp")
    if not isinstance(ends, int | float):
        return Login(token, collection, record_id, refresh_token)
    life = ends - _moment(date, now)
    margin = min(LONGEST_MARGIN_SECONDS, max(0.0, life) * MARGIN)
    return Login(
        token=token,
        collection=collection,
        record_id=record_id,
        refresh_token=refresh_token,
        refreshable=claims.get("refreshable") is True and not refresh_token and "sid" not in claims,
        ends=now + life,
        renew_at=now + life - margin,
    )


def _moment(date: str | None, otherwise: float) -> float:
    from email.utils import parsedate_to_datetime  # at a login alone

    try:
        return parsedate_to_datetime(date).timestamp() if date else otherwise
    except (TypeError, ValueError):
        return otherwise


def _claims(token: str) -> dict[str, Any]:
    """What the token says of itself. Not believed by anybody: the server checks it, and this is when to renew it."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=dict[str, Any])
    except (ValueError, msgspec.DecodeError):
        return {}
