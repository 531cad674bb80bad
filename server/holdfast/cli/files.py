"""`holdfast files`: looks after stored files."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings
from holdfast.errors import ApiError

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.files.check import Checked
    from holdfast.files.moving import Moved


@click.group("files")
def command() -> None:
    """Look after stored files."""


@command.command("check")
@settings_options("data")
@click.option("--mend", is_flag=True, help="Delete what nobody holds, and take into the register what a record holds.")
@click.option(
    "--delete-orphans",
    is_flag=True,
    help="With --mend: delete what nobody knows from a bucket, too. Nobody else may keep anything in it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(mend: bool, delete_orphans: bool, as_json: bool, **options: Any) -> None:
    """Compare the stored files with the records that hold them.

    Tells of objects that nobody knows, of files that are gone from the storage or have another size, of files that no
    record holds, and of names in records that stand for no file. Changes nothing without --mend, and deletes nothing
    that it does not know from a bucket, or from where storage_url says, without --delete-orphans; safe while the server
    runs.

    Exit code 1 when something is left to mend.
    """
    if delete_orphans and not mend:
        raise click.UsageError("--delete-orphans goes with --mend.")
    chosen = settings(options)
    try:
        with database(chosen) as found:
            checked = asyncio.run(_check(chosen, found.dsn, mend=mend, anywhere=delete_orphans))
    except ApiError as failure:
        raise click.ClickException(failure.message) from failure
    click.echo(msgspec.json.format(msgspec.json.encode(checked), indent=2).decode() if as_json else _text(checked))
    sys.exit(1 if checked.is_left else 0)


async def _check(chosen: Settings, dsn: str, *, mend: bool, anywhere: bool) -> "Checked":
    from holdfast.app import running
    from holdfast.files.check import check_files
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
        return await check_files(engine, mend=mend, anywhere=anywhere)


@command.command("move")
@settings_options("data")
@click.argument("to")
@click.option("--from", "source", default="", help="Where the files are, if that is not where the server keeps them.")
@click.option("--switch", is_flag=True, help="Let the server keep its files there from then on: disk and bucket alone.")
@click.option(
    "--delete", is_flag=True, help="Delete them in the old place, once the server keeps its files in the new."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def move(to: str, source: str, switch: bool, delete: bool, as_json: bool, **options: Any) -> None:
    """Bring all files to another place.

    A place is `disk`, the folder storage of the data directory; `bucket`, the one that /api/settings describes; or a
    URL as storage_url takes it. What is at the new place already is not brought again, so that the command can be
    stopped at any time and begun again. Safe while the server runs.

    Exit code 1 when files are lost, or a place is away.
    """
    chosen = settings(options)
    asked = _Move(to, source, switch, delete, quiet=as_json or not sys.stderr.isatty())
    try:
        with database(chosen) as found:
            moved = asyncio.run(_move(chosen, found.dsn, asked))
    except* ApiError as failures:
        first: BaseException = failures
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise click.ClickException(str(first)) from failures
    click.echo(msgspec.json.format(msgspec.json.encode(moved), indent=2).decode() if as_json else _told(moved))
    sys.exit(1 if moved.lost else 0)


class _Move(msgspec.Struct, frozen=True):
    """What is asked for."""

    to: str
    source: str
    switch: bool
    delete: bool
    quiet: bool


async def _move(chosen: Settings, dsn: str, asked: _Move) -> "Moved":
    from holdfast.app import running
    from holdfast.audit.author import COMMAND_LINE
    from holdfast.errors import BadRequest
    from holdfast.files.moving import BUCKET, DISK, copy_files, delete_moved, read_place
    from holdfast.options.service import change_options
    from holdfast.start import prepare_schema
    from holdfast.storage.place import is_same, place_of
    from holdfast.storage.storage import open_storage

    def progress(files: int, size: int) -> None:
        if not asked.quiet:
            click.echo(f"{files} files, {size} bytes", err=True)

    await prepare_schema(chosen, dsn)
    async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
        now = place_of(engine.catalog.options, chosen)
        target_place = read_place(engine, asked.to)
        source_place = read_place(engine, asked.source) if asked.source else now
        if is_same(source_place, target_place):
            raise BadRequest("The files are there already: name another place, or say by --from where they are.")
        if asked.switch and (asked.to not in (DISK, BUCKET) or chosen.storage_url):
            raise BadRequest("Only disk and bucket can be switched to, and only while storage_url is not set.")
        source, target = open_storage(source_place), open_storage(target_place)
        moved = await copy_files(engine, source, target, progress)
        if asked.switch and not moved.lost:
            await change_options(engine, COMMAND_LINE, {"s3": {"enabled": asked.to == BUCKET}})
            now = target_place
            # What has come into the old place meanwhile.
            more = await copy_files(engine, source, target, progress)
            moved = msgspec.structs.replace(
                moved,
                copied=moved.copied + more.copied,
                bytes=moved.bytes + more.bytes,
                lost=more.lost,
                lost_keys=more.lost_keys,
            )
        if asked.delete:
            if not is_same(now, target_place):
                raise BadRequest("The files are copied, and not deleted: the server keeps its files in the old place.")
            moved = msgspec.structs.replace(moved, deleted=await delete_moved(engine, source, target))
        return moved


def _told(moved: "Moved") -> str:
    lines = [f"{moved.copied} files brought, {moved.bytes} bytes; {moved.there} were there"]
    if moved.deleted:
        lines.append(f"{moved.deleted} files deleted in the old place")
    if moved.lost:
        lines.append(click.style(f"{moved.lost} files are not where they were, or damaged", fg="yellow"))
        lines.extend(f"    {key}" for key in moved.lost_keys)
    return "\n".join(lines)


def _text(checked: "Checked") -> str:
    lines = [f"{checked.objects} objects, {checked.bytes} bytes"]
    deleted = "deleted" if checked.deleted else "nobody knows them"
    if checked.mended and not checked.deleted:
        deleted += ", and they may be somebody else's: --delete-orphans deletes them"
    known = "taken into the register" if checked.mended else "the register does not have them"
    freed = "deleted when their grace is over" if checked.mended else "no record holds them"
    for count, what, keys in (
        (checked.orphans, f"objects: {deleted}", checked.orphan_keys),
        (checked.strays, f"small pictures: {known}", checked.stray_keys),
        (checked.unheld, f"files: {freed}", checked.unheld_keys),
        (checked.lost, "files: gone from the storage, or damaged", checked.lost_keys),
        (checked.unknown, "names in records that stand for no file", checked.unknown_keys),
    ):
        if count:
            lines.append(click.style(f"{count} {what}", fg="yellow"))
            lines.extend(f"    {key}" for key in keys)
    if checked.is_sound:
        lines.append(click.style("Records, register and storage agree.", fg="green"))
    return "\n".join(lines)
