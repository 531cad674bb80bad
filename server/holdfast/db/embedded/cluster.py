"""Makes the database cluster: initdb, our role and our database, all there or nothing."""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast.db.embedded.account import Account
from holdfast.db.embedded.binaries import Binaries
from holdfast.db.embedded.error import EmbeddedError, file_error
from holdfast.db.embedded.places import Places

ROLE: Final = "holdfast"
DATABASE: Final = "holdfast"
SUPERUSER: Final = "postgres"

# Of these every database inherits what is made in template1 before it: CREATE EXTENSION needs a superuser,
# which our role is not. %s is a password of URL-safe characters.
_SETUP: Final = """\
CREATE ROLE holdfast LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD '%s'
ALTER ROLE holdfast SET statement_timeout = '10min'
DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS vector; EXCEPTION WHEN OTHERS THEN NULL; END $$
CREATE DATABASE holdfast OWNER holdfast
REVOKE CONNECT ON DATABASE holdfast, postgres, template1 FROM PUBLIC
"""
_PASSWORDS: Final = """\
ALTER ROLE postgres PASSWORD '%s'
ALTER ROLE holdfast PASSWORD '%s'
"""


def data_major(data: Path) -> int | None:
    """The major version of PostgreSQL that made the data; None if there is none yet.

    Raises EmbeddedError when the directory cannot be read, or is something else.
    """
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        if data.is_dir() and any(data.iterdir()):
            raise EmbeddedError(f"{data} is not empty and holds no database: move it away.") from None
        return None
    except OSError as failure:
        raise file_error("The database directory", data, failure) from failure
    except ValueError:
        raise EmbeddedError(f"{data}/PG_VERSION holds no version of PostgreSQL: restore the directory.") from None


def check_owner(data: Path, account: Account) -> None:
    """PostgreSQL takes a directory only if it is its user's own, and nobody else may write there.

    Raises EmbeddedError with what to do about it.
    """
    found = data.stat()
    if found.st_uid != account.uid:
        raise EmbeddedError(
            f"{data} belongs to another user than {account.name}, who would run PostgreSQL: "
            f"start Holdfast as its owner, or run chown -R {account.name} {data}."
        )
    if found.st_mode & 0o027:
        raise EmbeddedError(f"{data} can be entered by others, which PostgreSQL refuses: run chmod 700 {data}.")


def make_cluster(
    places: Places, account: Account, binaries: Binaries, check: Callable[[], None] = lambda: None
) -> None:
    """Make the data directory with our role and database in it.

    It is made under another name, so that a crash leaves no half of it; nor does `check`, which may raise to end it.
    Raises EmbeddedError when PostgreSQL cannot do that.
    """
    half = places.home / "pg.new"
    passwords = places.home / "pg.new.password"
    superuser, ours = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    try:
        shutil.rmtree(half, ignore_errors=True)
        passwords.unlink(missing_ok=True)
        half.mkdir(mode=0o700)
        account.own(half)
        write_secret(passwords, superuser)
        account.own(passwords)
        _initdb(half, passwords, account, binaries, check)
        _single(half, account, binaries, _SETUP % ours, check)
        write_secret(places.superuser_password, superuser)
        write_secret(places.password, ours)
        if places.data.is_dir():
            places.data.rmdir()
        half.rename(places.data)
    except OSError as failure:
        raise file_error("The data directory", places.home, failure) from failure
    except EmbeddedError:
        check()  # Ctrl-C in a terminal goes to initdb too, and that it has failed then is no news
        raise
    finally:
        passwords.unlink(missing_ok=True)
        shutil.rmtree(half, ignore_errors=True)


def _initdb(data: Path, passwords: Path, account: Account, binaries: Binaries, check: Callable[[], None]) -> None:
    # The builtin provider sorts by code point, the same on every system and after every upgrade of one.
    locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    made = account.run(
        (
            binaries.program("initdb"),
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            f"--pwfile={passwords}",
            "--encoding=UTF8",
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--data-checksums",
            *(locale if binaries.major >= 17 else ("--locale=C.UTF-8",)),
        ),
        check=check,
    )
    if made.returncode != 0:
        raise EmbeddedError(f"The database cannot be made in {data.parent}: {last_words(made.stdout)}")


def _single(
    data: Path, account: Account, binaries: Binaries, script: str, check: Callable[[], None] = lambda: None
) -> None:
    """Run statements, one in each line, as superuser without a server."""
    program = (binaries.program("postgres"), "--single", "-D", data, "template1")
    done = account.run(program, script.encode(), check=check)
    if done.returncode != 0 or b"ERROR:" in done.stdout:
        raise EmbeddedError(f"The database in {data} cannot be set up: {last_words(done.stdout)}")


def ensure_passwords(places: Places, account: Account, binaries: Binaries) -> None:
    """Set new passwords if the files with them are gone, as after a restore of the data alone.

    PostgreSQL must not run. Raises EmbeddedError when they cannot be set.
    """
    if places.password.exists() and places.superuser_password.exists():
        return
    superuser, ours = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    _single(places.data, account, binaries, _PASSWORDS % (superuser, ours))
    try:
        write_secret(places.superuser_password, superuser)
        write_secret(places.password, ours)
    except OSError as failure:
        raise file_error("The data directory", places.home, failure) from failure


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    half = path.with_name(path.name + ".tmp")
    half.unlink(missing_ok=True)
    file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w") as out:
        out.write(secret + "\n")
        out.flush()
        os.fsync(out.fileno())
    half.replace(path)


def last_words(output: bytes) -> str:
    """What PostgreSQL says is wrong: its last line of that kind, as a sentence."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    for mark in ("PANIC:", "FATAL:", "error:", "ERROR:"):
        for line in reversed(lines):
            if mark in line:
                return line.partition(mark)[2].strip().rstrip(".") + "."
    return (lines[-1].rstrip(".") + ".") if lines else "it said nothing."
