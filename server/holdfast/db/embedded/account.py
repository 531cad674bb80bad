"""Who PostgreSQL runs as. It refuses to run as root, so root gives it a system user of its own."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from holdfast.db.embedded.error import EmbeddedError

NAME: Final = "holdfast"
LOOK_SECONDS: Final = 0.1
_MAKERS: Final = (
    (
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/",
        "--shell",
        "/usr/sbin/nologin",
        NAME,
    ),
    ("adduser", "-S", "-D", "-H", "-h", "/", "-s", "/sbin/nologin", NAME),  # BusyBox
)


class Account(msgspec.Struct, frozen=True):
    """A user of the system. `switch` says that it is not the one this process runs as, which then is root."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen(self, args: Sequence[str | Path], **more: Any) -> "subprocess.Popen[bytes]":
        """Start a program as this user, in `/` and with an environment that says nothing to PostgreSQL."""
        start = cast(Any, subprocess.Popen)
        return start([str(arg) for arg in args], env=_environment(), cwd="/", **self._identity(), **more)

    def run(
        self, args: Sequence[str | Path], stdin: bytes = b"", *, check: Callable[[], None] = lambda: None
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a program as this user to its end; its output and errors come back together.

        `check` is called while it runs, and may raise: then the program is ended at once.
        """
        process = self.popen(
            args,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us, who then say what becomes of it
        )
        given: bytes | None = stdin
        while True:
            try:
                output, _ = process.communicate(given, timeout=LOOK_SECONDS)
                return subprocess.CompletedProcess(args, process.returncode, output)
            except subprocess.TimeoutExpired:
                given = None  # it has been taken
            try:
                check()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise

    def reaches(self, path: Path) -> bool:
        """Whether this user may enter the directory or run the program; tried, so that ACLs count, too."""
        if not self.switch:
            return os.access(path, os.X_OK)
        return self.run(("/bin/sh", "-c", 'test -x "$0"', path)).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or directory that was just made to this user."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def _identity(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}


def account_for(data: Path) -> Account:
    """The user that PostgreSQL shall run as: this one, or for root the owner of the data or the system user.

    Makes the system user where it is missing. Raises EmbeddedError when that cannot be done.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(_name(uid), uid, os.getegid(), switch=False)
    try:
        owner = data.stat()
    except OSError:
        owner = None
    if owner is not None and owner.st_uid != 0:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid, switch=True)
    return _system_user()


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # containers run as numbers that no user has
        return str(uid)


def _system_user() -> Account:
    try:
        found = pwd.getpwnam(NAME)
    except KeyError:
        _make()
        found = pwd.getpwnam(NAME)
    if found.pw_uid == 0:
        raise EmbeddedError(f"The user {NAME} is root under another name: PostgreSQL does not run as root.")
    return Account(NAME, found.pw_uid, found.pw_gid, switch=True)


def _make() -> None:
    reason = "there is neither useradd nor adduser"
    for program, *arguments in _MAKERS:
        path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            continue
        made = subprocess.run([path, *arguments], capture_output=True, check=False)
        if made.returncode == 0:
            return
        said = (made.stderr or made.stdout).decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"{program} failed"
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and the system user {NAME} cannot be made ({reason}): "
        "make it yourself, start Holdfast as an ordinary user, or set DATABASE_URL."
    )


def _environment() -> dict[str, str]:
    """This process's environment without what would steer PostgreSQL: PGDATA, PGPORT, PGOPTIONS, the locale."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}
