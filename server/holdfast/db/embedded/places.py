"""Where the embedded database keeps things: its data, its lock, its passwords, its socket."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from holdfast.db.embedded.account import Account
from holdfast.db.embedded.error import EmbeddedError, file_error

SYSTEM: Final = Path("/var/lib/holdfast")  # what the system user cannot reach elsewhere goes here
MAX_DATA_BYTES: Final = 900  # PostgreSQL takes paths of 1,024 bytes, and adds to this one
MAX_SOCKET_DIRECTORY_BYTES: Final = 92  # 107 for the path of a socket, of which /.s.PGSQL.5432 takes 15
MAX_SOCKET_DIRECTORY_BYTES_MAC: Final = 88
PORT: Final = 5432  # only a part of the socket's name


class Places(msgspec.Struct, frozen=True):
    """The paths of one embedded database. All but `socket` are in `home`."""

    home: Path
    socket: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / "pg"

    @property
    def lock(self) -> Path:
        """Locked by the server that runs PostgreSQL, for as long as it lives."""
        return self.home / "pg.lock"

    @property
    def superuser_password(self) -> Path:
        """The password of the role postgres, for the operator; only its owner can read it."""
        return self.home / "pg.superuser"

    @property
    def password(self) -> Path:
        """The password of the role that the server works as; only its owner can read it."""
        return self.home / "pg.password"

    @property
    def start_log(self) -> Path:
        """What PostgreSQL says before it writes to its own log."""
        return self.home / "pg.start.log"

    @property
    def logs(self) -> Path:
        """PostgreSQL's log, one file for each day of the week."""
        return self.data / "log"


def superuser_password(root: Path) -> str:
    """The password of the role postgres of the database of a data directory; empty where there is no such database.

    Raises EmbeddedError.
    """
    home = _pointed(root.resolve()) or root.resolve()
    try:
        return Places(home, home / "pg").superuser_password.read_text().strip()
    except FileNotFoundError:
        return ""


def choose_places(root: Path, account: Account, system: Path = SYSTEM) -> tuple[Places, tuple[str, ...]]:
    """Where the database of the data directory `root` is, or shall be, and what to tell the operator about it.

    It is in `root`, unless that cannot be reached by the user that PostgreSQL runs as: then it is in a directory
    under `system`, and the file `pg.path` in `root` says so. Makes the directories.
    Raises EmbeddedError when they cannot be used.
    """
    if len(os.fsencode(root)) > MAX_DATA_BYTES:
        raise EmbeddedError(f"The path of the data directory is longer than {MAX_DATA_BYTES} bytes: use a shorter one.")
    try:
        make_directory(root, 0o711 if account.switch else 0o700)
        if not os.access(root, os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(13, "it is not writable")
        home = _pointed(root)
        if home is None and not account.reaches(root):
            home = _move(root, account, system)
    except OSError as failure:
        raise file_error("The data directory", root, failure) from failure
    if home is None:
        return Places(root, _socket_directory(root / "pg", account)), ()
    told = f"The database is in {home}, because the user {account.name} cannot reach {root}."
    return Places(home, _socket_directory(home / "pg", account)), (told,)


def _pointed(root: Path) -> Path | None:
    """The directory that `pg.path` names."""
    pointer = root / "pg.path"
    try:
        lines = pointer.read_text().splitlines()
    except FileNotFoundError:
        return None
    home = Path(lines[0]) if lines else Path()
    if lines[1:2] != [str(root)]:
        raise EmbeddedError(
            f"{pointer} says that the database belongs to {''.join(lines[1:2]) or 'no directory'}, not to {root}: "
            "if you moved that directory, correct the second line; if you copied it, delete the file."
        )
    if not (home / "pg").is_dir():
        raise EmbeddedError(
            f"{pointer} says that the database is in {home}, which is not there: "
            "bring it back, or delete the file to start with an empty database."
        )
    return home


def _move(root: Path, account: Account, system: Path) -> Path:
    if (root / "pg").exists():
        raise EmbeddedError(
            f"PostgreSQL runs as the user {account.name}, who cannot reach {root}: "
            "move the data directory to where that user may go, such as /srv."
        )
    make_directory(system, 0o755)
    home = system.resolve() / f"data-{_short_hash(root)}"
    make_directory(home, 0o711)
    if not account.reaches(home):
        raise EmbeddedError(f"PostgreSQL runs as the user {account.name}, who can reach neither {root} nor {home}.")
    return home


def make_directory(directory: Path, mode: int) -> None:
    """Make a directory with this mode, whatever the umask; one that is there stays as it is."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=mode)
    except FileExistsError:
        if not directory.is_dir():
            raise
    else:
        directory.chmod(mode)


def remember_home(root: Path, home: Path) -> None:
    """Write down where the database of `root` is, once it is there."""
    if home != root:
        (root / "pg.path").write_text(f"{home}\n{root}\n")


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _socket_directory(data: Path, account: Account) -> Path:
    """A directory with a path short enough for a socket: the data directory itself if it can be."""
    longest = MAX_SOCKET_DIRECTORY_BYTES if os.uname().sysname == "Linux" else MAX_SOCKET_DIRECTORY_BYTES_MAC
    if len(os.fsencode(data)) <= longest:
        return data
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and not account.switch and os.access(runtime, os.W_OK | os.X_OK) and len(runtime) <= 60:
        return Path(runtime) / f"holdfast-{_short_hash(data)}"
    return Path("/tmp") / f"holdfast-{account.uid}-{_short_hash(data)}"


def make_socket_directory(places: Places, account: Account) -> None:
    """Make the directory of the socket, which nobody but PostgreSQL's user may enter.

    Raises EmbeddedError when somebody else has put something of that name there.
    """
    if places.socket == places.data:
        return
    try:
        places.socket.mkdir(mode=0o700)
        account.own(places.socket)
    except FileExistsError:
        pass
    except OSError as failure:
        raise file_error("The directory of the socket", places.socket, failure) from failure
    found = places.socket.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedError(f"{places.socket} is not a private directory of the user {account.name}: remove it.")
