"""Has small pictures made by processes that can be spared: some few at a time, each within its time."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from holdfast.files import picture

AT_ONCE: Final = 2  # pictures, and processes, of one server process
MOST_WAITING: Final = 64  # who comes then is given the picture itself
# For one picture, behind all requests: its reader is the last to get the processor.
SECONDS: Final = 15.0
_KEPT_VARIABLES: Final = frozenset(("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT"))
_MOST_LINE_BYTES: Final = 64 * 1024


class CannotMake(Exception):
    """No small picture can be made of a picture: why, in a few words."""


class Busy(Exception):
    """So many wait already that one more had better not, or the machine has no time for pictures now."""


class Job(msgspec.Struct, frozen=True):
    """A small picture to be made of one file and written to another: see files/thumb.py, and files/picture.py."""

    source: str
    target: str
    type: str
    width: int
    height: int
    fit: str
    format: str


class Made(msgspec.Struct, frozen=True):
    """What has become of a job."""

    type: str = ""
    width: int = 0
    height: int = 0
    refused: str = ""


_encode: Final = msgspec.json.encode
_made: Final = msgspec.json.Decoder(Made)


class Studio:
    """The processes of one server process. They start when there is something to do, and end when there is not."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._idle: list[asyncio.subprocess.Process] = []
        self._all: set[asyncio.subprocess.Process] = set()

    async def make(self, job: Job) -> Made:
        """Have a small picture made. Raises CannotMake, and Busy."""
        if self._waiting >= MOST_WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._turns:
                made = await self._make(job)
        finally:
            self._waiting -= 1
        if made.refused:
            raise CannotMake(made.refused)
        return made

    async def close(self) -> None:
        """End the processes."""
        for process in list(self._all):
            await self._end(process)

    async def _make(self, job: Job) -> Made:
        process = await self._rested()
        if process is not None:
            # It may end at this very moment, since it had nothing to do.
            made = await self._ask(process, job)
            if made is not None:
                return made
        made = await self._ask(await self._start(), job)
        if made is None:
            raise CannotMake("its reader broke down")
        return made

    async def _rested(self) -> asyncio.subprocess.Process | None:
        """A process that has nothing to do; None if there is none, or all have ended since."""
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None and process.stdin is not None and not process.stdin.is_closing():
                return process
            # uvloop does not say of it what asyncio does, that its line is broken: it refuses with a RuntimeError.
            await self._end(process)
        return None

    async def _ask(self, process: asyncio.subprocess.Process, job: Job) -> Made | None:
        """What a process answers; None if it does not live to do that."""
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        try:
            async with asyncio.timeout(SECONDS):
                process.stdin.write(_encode(job) + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError as failure:
            # Not the picture's fault: one that takes much of a processor is ended by its own limit, long before.
            raise Busy(f"nothing came back within {SECONDS:g} s") from failure
        except (ConnectionError, ValueError):
            line = b""
        finally:
            if not line.endswith(b"\n"):
                await self._end(process)
        if not line.endswith(b"\n"):
            return None
        made = _made.decode(line)
        if made.refused:
            # Whatever such a picture has done to its reader, the next one does not get to see.
            await self._end(process)
        else:
            self._idle.append(process)
        return made

    async def _start(self) -> asyncio.subprocess.Process:
        # Nothing of the server's environment: its passwords are in there.
        environment = {name: value for name, value in os.environ.items() if name in _KEPT_VARIABLES}
        program = str(Path(picture.__file__))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            limit=_MOST_LINE_BYTES,
        )
        self._all.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._all.discard(process)
        with suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.shield(process.wait())
