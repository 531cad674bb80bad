"""`holdfast backup`: makes backups, and looks after them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings
from holdfast.errors import ApiError, Problem

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.backups.making import Made
    from holdfast.backups.shelf import Backup
    from holdfast.engine import Engine

BY: Final = "command line"
_Found = TypeVar("_Found")


@click.group("backup")
def command() -> None:
    """Make backups, and look after them."""


@command.command("create")
@settings_options("data")
@click.option("--name", default="", help="What it is called: small letters, digits, - and _, and .zip at the end.")
@click.option("--note", default="", help="A note that goes with it.")
@click.option("--no-files", is_flag=True, help="Leave out the files of records.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def create(name: str, note: str, no_files: bool, as_json: bool, **options: Any) -> None:
    """Make a backup of this moment, while the server runs or not.

    It is kept where the settings say: in the folder backups of the data directory, or in a bucket. It holds the
    server's key and the hashes of passwords: keep it as safe as the server.
    """

    async def make(engine: "Engine") -> "Made":
        from holdfast.audit.author import COMMAND_LINE
        from holdfast.backups.making import Wanted
        from holdfast.backups.name import read_name
        from holdfast.backups.works import Works

        works = Works()
        try:
            wanted = Wanted(name=read_name(name), files=not no_files, note=note, by=BY)
            begun = await works.create(engine, COMMAND_LINE, wanted)
            return await begun.done()
        finally:
            await works.close()

    made = _with_engine(settings(options), make)
    click.echo(_json(made) if as_json else f"{made.key}: {_bytes(made.size)}, {made.rows} records, {made.files} files")


@command.command("list")
@settings_options("data")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def show(as_json: bool, **options: Any) -> None:
    """List the backups that are there, the newest first."""

    async def look(engine: "Engine") -> "list[Backup]":
        from holdfast.backups.service import list_backups

        return await list_backups(engine)

    found = _with_engine(settings(options), look)
    if as_json:
        click.echo(_json(found))
        return
    for one in found:
        what = f"{one.rows} records, {one.files} files" if one.state == "ok" else one.problem or "of a newer Holdfast"
        click.echo(f"{one.key}  {one.made or one.modified}  {_bytes(one.size)}  {one.kind}  {what}")
    if not found:
        click.echo("There is no backup yet: holdfast backup create makes one.")


def _with_engine(chosen: Settings, work: "Callable[[Engine], Awaitable[_Found]]") -> _Found:
    """Do something with the database of these settings, beside a server that runs or without. A failure is told."""

    async def run(dsn: str) -> _Found:
        from holdfast.app import running
        from holdfast.start import prepare_schema

        await prepare_schema(chosen, dsn)
        async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
            return await work(engine)

    try:
        with database(chosen) as found:
            return asyncio.run(run(found.dsn))
    except ApiError as failure:
        reasons = [one.message for one in failure.data.values() if isinstance(one, Problem)]
        raise click.ClickException(" ".join(reasons) or failure.message) from failure


def _json(found: object) -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def _bytes(count: int) -> str:
    """A size for people."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
