"""Migrates in a process of its own: Piccolo takes 30 MB, which a server would keep for the rest of its life."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import msgspec

import holdfast
from holdfast.db.migrate import MigrationError, migrate, outstanding


class _Outcome(msgspec.Struct, frozen=True):
    """What the process says: the migrations that it has applied, or why it could not."""

    applied: list[str] = []
    refusal: str = ""


async def migrate_apart(dsn: str) -> list[str]:
    """Apply the migrations that this database does not have yet, as `migrate` does; returns their names, in order.

    Where there is nothing to do, as on most starts, there is no process. Raises MigrationError.
    """
    if not await outstanding(dsn):
        return []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        stdin=PIPE,
        stdout=PIPE,
        env=_environment(),
        start_new_session=True,  # Ctrl-C in the terminal is for us, who then end it
    )
    try:
        said, _ = await process.communicate(dsn.encode())  # it holds a password, so it is no argument
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise MigrationError(f"The migrations were not applied: their process ended with code {process.returncode}.")
    outcome = msgspec.json.decode(said, type=_Outcome)
    if outcome.refusal:
        raise MigrationError(outcome.refusal)
    return outcome.applied


def _environment() -> dict[str, str]:
    """Ours, and the place of this very package, wherever it was imported from."""
    here = str(Path(holdfast.__file__).parents[1])
    return os.environ | {"PYTHONPATH": os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])}


def _main() -> None:
    dsn = sys.stdin.read()
    try:
        outcome = _Outcome(applied=asyncio.run(migrate(dsn)))
    except MigrationError as failure:
        outcome = _Outcome(refusal=str(failure))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    _main()
