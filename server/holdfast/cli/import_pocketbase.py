"""`holdfast import-pocketbase`: moves a PocketBase data directory in."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.pocketbase.report import Report

SHOWN: Final = 100  # notes


@click.command("import-pocketbase")
@click.argument("pb_data", type=click.Path(path_type=Path))
@settings_options("data")
@click.option("--dry-run", is_flag=True, help="Say what would come, and change nothing.")
@click.option(
    "--encryption-env", metavar="NAME", default="", help="The variable that holds PocketBase's encryption key."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(pb_data: Path, dry_run: bool, encryption_env: str, as_json: bool, **options: Any) -> None:
    """Move PocketBase's data directory PB_DATA in: collections, records, people, files and settings.

    All or nothing, and safe while PocketBase and Holdfast run. It can be done again, and then brings what has changed
    in PocketBase since. PB_DATA is only read. Needs the data of PocketBase 0.23 or newer.

    Exit code 1 when nothing was moved; what did not come as it was is listed, and leaves the exit code 0.
    """
    from holdfast.pocketbase.failed import CannotMove

    key = os.environ.get(encryption_env, "") if encryption_env else ""
    if encryption_env and not key:
        raise click.UsageError(f"The environment variable {encryption_env} is not set.")
    chosen = settings(options)
    try:
        with database(chosen) as found:
            report = asyncio.run(_move(chosen, found.dsn, pb_data, key, dry_run=dry_run))
    except CannotMove as failure:
        raise click.ClickException(str(failure)) from failure
    click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() if as_json else _text(report))


async def _move(chosen: Settings, dsn: str, folder: Path, key: str, *, dry_run: bool) -> "Report":
    from holdfast.app import running
    from holdfast.errors import ApiError
    from holdfast.pocketbase.failed import CannotMove
    from holdfast.pocketbase.move import Order, move
    from holdfast.pocketbase.schema_move import explained
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    try:
        async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
            return await move(engine, Order(folder, key, dry_run, _tell))
    except ApiError as failure:
        raise CannotMove(f"Nothing was moved. {explained(failure)}") from failure


def _tell(message: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{message} …", err=True)


def _text(report: "Report") -> str:
    lines = ["Tried only: nothing was changed." if report.dry_run else "Moved."]
    width = max([len(one.name) for one in report.collections], default=0)
    lines.extend(
        f"  {one.name:<{width}}  {one.read} read: {one.inserted} new, {one.updated} updated, {one.unchanged} unchanged,"
        f" {one.refused} refused" + (f"; {one.deleted} deleted" if one.deleted else "")
        for one in report.collections
    )
    lines.extend(f"  {view.name:<{width}}  view, {view.state}" for view in report.views)
    files = report.files
    lines.append(
        f"Files: {files.held} in records: {files.copied} copied ({files.bytes} bytes), {files.there} there already,"
        f" {files.missing} missing; {files.unheld} in the storage that no record names"
    )
    lines.append(f"Settings: {report.settings}")
    if not report.notes:
        lines.append(click.style("Everything came as it was.", fg="green"))
        return "\n".join(lines)
    lines.append(click.style(f"What did not come as it was ({len(report.notes)}):", fg="yellow"))
    for note in report.notes[:SHOWN]:
        often = f" ({note.count} times)" if note.count > 1 else ""
        ids = (
            f" [{', '.join(note.examples)}{', …' if note.count > len(note.examples) else ''}]" if note.examples else ""
        )
        lines.append(f"  {note.where}: {note.what}{often}{ids}")
    if len(report.notes) > SHOWN:
        lines.append(f"  and {len(report.notes) - SHOWN} more: --json lists them all")
    return "\n".join(lines)
