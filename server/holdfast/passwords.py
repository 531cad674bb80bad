"""Passwords: how they are hashed for storage, and how one is checked against what is stored.

Lies low in the layers, since records write passwords and auth reads them.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Final, TypeVar

import argon2
import bcrypt
import msgspec
from argon2.exceptions import Argon2Error, InvalidHashError

from holdfast.errors import Unavailable

MAX_PASSWORD_BYTES: Final = 1024
MAX_BCRYPT_BYTES: Final = 72  # bcrypt reads no more of a password
MAX_WAITING_PER_CORE: Final = 32  # hashes that wait, each about 25 ms; more is an attack, or a server too small
NICENESS: Final = 19  # of the threads that hash: about a seventieth of the time of one that is not, where both want it
BCRYPT: Final = ("$2a$", "$2b$", "$2y$")

_Found = TypeVar("_Found")


class Verdict(msgspec.Struct, frozen=True):
    """Whether a password is right, and whether its hash should be made anew (bcrypt, older parameters)."""

    right: bool
    rewrite: bool = False


def _step_back(niceness: int) -> None:
    """Let this thread have only what the others leave: else a flood of logins takes every core from the requests.

    On Linux each thread has a priority of its own. Measured there on 2 cores with 200 logins at once and a niceness of
    10: half of the other requests took 0.63 ms with it and 1.1 ms without, where 0.65 ms is what they take in quiet;
    p95 3.9 and 9 ms. With 19 the threads have a seventh of the time that they had with 10.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


class _Threads:
    """One thread per core for all hashing of this process: more would only take memory, 19 MiB each."""

    def __init__(self, niceness: int) -> None:
        cores = os.cpu_count() or 1
        self._most = cores * MAX_WAITING_PER_CORE
        self._waiting = 0
        self._standing = 0
        name, step_back = f"holdfast-password-{niceness}", partial(_step_back, niceness)
        self._executor = ThreadPoolExecutor(cores, thread_name_prefix=name, initializer=step_back)

    def stand(self) -> None:
        """Take a place in the line of logins. Raises Unavailable when there is none."""
        if self._standing >= self._most:
            raise _too_many()
        self._standing += 1

    def leave(self) -> None:
        """Give the place back."""
        self._standing -= 1

    async def run(self, work: Callable[..., _Found], *args: str) -> _Found:
        """Run `work` when a core is free. Raises Unavailable when too many wait already."""
        if self._waiting >= self._most:
            raise _too_many()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work, *args)
        finally:
            self._waiting -= 1


def _too_many() -> Unavailable:
    return Unavailable("Too many logins at once: try again in a moment.", retry_after=2)


class Hashing:
    """How passwords are hashed: by what, and in which threads."""

    def __init__(self, hasher: argon2.PasswordHasher, niceness: int) -> None:
        self.hasher = hasher
        self.threads = _Threads(niceness)

    @cached_property
    def nobodys_hash(self) -> str:
        """A hash that nothing fits, as dear as any."""
        return self.hasher.hash(os.urandom(32).hex())


# The OWASP minimum for Argon2id. Stored in every hash, so another choice needs no migration: see Verdict.rewrite.
PROPER: Final = Hashing(argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1), NICENESS)
# With next to no work, for tests: with the proper one a third of what a processor does in them is hashing, and on a
# busy machine its threads, which stand back, are a hundred times slower than that.
CHEAP: Final = Hashing(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), 0)


class _Chosen:
    """How this process hashes just now: as the last block asks for."""

    def __init__(self) -> None:
        self._asked = [PROPER]

    @property
    def now(self) -> Hashing:
        return self._asked[-1]

    def begin(self, how: Hashing) -> None:
        self._asked.append(how)

    def end(self, how: Hashing) -> None:
        last = max(at for at, one in enumerate(self._asked) if one is how)
        del self._asked[last]


_chosen: Final = _Chosen()


@contextmanager
def hashing(how: Hashing) -> Generator[None]:
    """Hash so in this process, for the block."""
    _chosen.begin(how)
    try:
        yield
    finally:
        _chosen.end(how)


@contextmanager
def in_line() -> Generator[None]:
    """Stand in line for a password to be checked, before any other work is spent on a login.

    Raises Unavailable when the line is too long.
    """
    threads = _chosen.now.threads
    threads.stand()
    try:
        yield
    finally:
        threads.leave()


def is_too_long(password: str) -> bool:
    """Whether a password is refused before any work is spent on it."""
    return len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES


async def hash_password(password: str) -> str:
    """Hash a password with Argon2id, for storage.

    Costs about 25 ms of one core and 19 MiB, in a thread. Raises ValueError for a password of more than
    MAX_PASSWORD_BYTES, and Unavailable when too many wait.
    """
    if is_too_long(password):
        raise ValueError(f"a password has at most {MAX_PASSWORD_BYTES} bytes")
    how = _chosen.now
    return await how.threads.run(how.hasher.hash, password)


async def check_password(password: str, stored: str) -> Verdict:
    """Check a password against a stored hash, Argon2 or bcrypt (of an import).

    Costs the same whether it is right or not. With `stored` empty (no such account) the work is done all the
    same, against a hash that nothing fits, so that time does not tell.
    """
    if is_too_long(password):
        return Verdict(right=False)
    how = _chosen.now
    return await how.threads.run(partial(_check, how), password, stored)


def is_hash(text: str) -> bool:
    """Whether a text is a hash that `check_password` can read."""
    return text.startswith(("$argon2", *BCRYPT))


def _check(how: Hashing, password: str, stored: str) -> Verdict:
    if stored.startswith(BCRYPT):
        return _check_bcrypt(password.encode(), stored.encode())
    try:
        right = how.hasher.verify(stored or how.nobodys_hash, password)
    except (Argon2Error, InvalidHashError):
        return Verdict(right=False)
    return Verdict(right=right and bool(stored), rewrite=how.hasher.check_needs_rehash(stored or how.nobodys_hash))


def _check_bcrypt(password: bytes, stored: bytes) -> Verdict:
    if len(password) > MAX_BCRYPT_BYTES:
        return Verdict(right=False)
    try:
        return Verdict(right=bcrypt.checkpw(password, stored), rewrite=True)
    except ValueError:  # a hash that is cut or mistyped
        return Verdict(right=False)
