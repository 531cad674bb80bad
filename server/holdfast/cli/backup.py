"""`holdfast backup`: makes backups, and looks after them."""

import asyncio
import sys
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
    from holdfast.backups.restoring import Restored
    from holdfast.backups.shelf import Backup
    from holdfast.backups.verifying import Verified
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


@command.command("verify")
@settings_options("data")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def verify(key: str, as_json: bool, **options: Any) -> None:
    """Check a backup: read all of it, load it into a database of its own, and count what is there.

    Changes nothing; safe while the server runs. Exit code 1 when the backup is not sound.
    """

    async def check(engine: "Engine") -> "Verified":
        from holdfast.audit.author import COMMAND_LINE
        from holdfast.backups.works import Works

        works = Works()
        try:
            return await (await works.verify(engine, COMMAND_LINE, key, BY)).done()
        finally:
            await works.close()

    found = _with_engine(settings(options), check)
    if as_json:
        click.echo(_json(found))
    elif found.problems:
        click.echo(f"{key} is not sound: {' '.join(found.problems)}")
    else:
        click.echo(f"{key} is sound: {found.rows} records, {found.files} files")
    sys.exit(1 if found.problems else 0)


@command.command("restore")
@settings_options("data")
@click.argument("key")
@click.option("--no-safety", is_flag=True, help="Make no backup of what there is now before.")
@click.option("--deliveries", is_flag=True, help="Send the webhooks and mails that waited when the backup was made.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def restore(key: str, no_safety: bool, deliveries: bool, yes: bool, as_json: bool, **options: Any) -> None:
    """Bring a backup back: it takes the place of all that there is now, at once.

    It is loaded beside the database, which goes on meanwhile. Works while the server runs, which then goes on with what
    was brought back, and while it does not. What is there now is kept as a backup, unless --no-safety is given.
    """
    if not yes:
        click.confirm(f"{key} takes the place of all that there is now. Go on?", abort=True, err=True)

    async def bring_back(engine: "Engine") -> "Restored":
        from holdfast.audit.author import COMMAND_LINE
        from holdfast.backups.restoring import RestoreWanted
        from holdfast.backups.works import Works
        from holdfast.start import prepare_schema

        works = Works()
        try:
            wanted = RestoreWanted(key=key, safety=not no_safety, deliveries=deliveries, by=BY)
            return await (await works.restore(engine, COMMAND_LINE, wanted, prepare_schema)).done()
        finally:
            await works.close()

    done = _with_engine(settings(options), bring_back)
    before = f"; what there was is {done.safety}" if done.safety else ""
    click.echo(_json(done) if as_json else f"{key} was brought back: {done.rows} records, {done.files} files{before}")


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
