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


@click.group("files")
def command() -> None:
    """Look after stored files."""


@command.command("check")
@settings_options("data")
@click.option("--mend", is_flag=True, help="Delete what nobody holds, and take into the register what a record holds.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(mend: bool, as_json: bool, **options: Any) -> None:
    """Compare the stored files with the records that hold them.

    Tells of objects that nobody knows, of files that are gone from the storage or have another size, of files that no
    record holds, and of names in records that stand for no file. Changes nothing without --mend; safe while the server
    runs.

    Exit code 1 when something is left to mend.
    """
    chosen = settings(options)
    try:
        with database(chosen) as found:
            checked = asyncio.run(_check(chosen, found.dsn, mend=mend))
    except ApiError as failure:
        raise click.ClickException(failure.message) from failure
    click.echo(msgspec.json.format(msgspec.json.encode(checked), indent=2).decode() if as_json else _text(checked))
    left = checked.lost or checked.unknown if mend else not checked.is_sound
    sys.exit(1 if left else 0)


async def _check(chosen: Settings, dsn: str, *, mend: bool) -> "Checked":
    from holdfast.app import running
    from holdfast.files.check import check_files
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
        return await check_files(engine, mend=mend)


def _text(checked: "Checked") -> str:
    lines = [f"{checked.objects} objects, {checked.bytes} bytes"]
    deleted = "deleted" if checked.mended else "nobody knows them"
    freed = "deleted when their grace is over" if checked.mended else "no record holds them"
    for count, what, keys in (
        (checked.orphans, f"objects: {deleted}", checked.orphan_keys),
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
