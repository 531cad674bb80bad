"""`holdfast import`: brings a file of records into a collection, by the same way as the API."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings
from holdfast.errors import ApiError, Problem

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.transfer.importing import Imported

PIECE_BYTES: Final = 256 << 10
_SUFFIXES: Final = {".csv": "csv", ".tsv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json"}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, exists=True, dir_okay=False))
@click.option("--collection", required=True, help="The collection, by its name or id.")
@click.option("--format", "format_", help="csv, ndjson or json (a list), where the name of FILE does not say it.")
@click.option("--mode", help="insert (default), update, upsert, or skip records that are there.")
@click.option("--key", help="The field that tells which record is meant: id (default), or a unique one.")
@click.option("--on-error", help="stop (default): write nothing; skip: write all that is right.")
@click.option("--delimiter", help="Of CSV: comma, semicolon or tab. The file tells it otherwise.")
@click.option("--null", help="Of CSV: the text that stands for null, such as NULL. Otherwise an empty cell does.")
@click.option("--dates", help="How dates are written: iso (default), dmy for 20.11.2026, mdy for 11/20/2026.")
@click.option("--dry-run", is_flag=True, help="Do everything, tell what came of it, and take it back.")
@click.option("--ignore-unknown", is_flag=True, help="Leave out columns that name no field.")
@click.option("--no-guard", is_flag=True, help="Leave apostrophes before formulas as they are.")
@click.option("--no-hooks", is_flag=True, help="Do not ask plugins about every record.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@settings_options("data", "plugins", "skip_plugins")
def command(file: Path, collection: str, as_json: bool, **options: Any) -> None:
    """Import the records of FILE, CSV, NDJSON or a JSON list, into a collection.

    FILE may be - for what comes in. Works while the server runs, and while it does not. All of it is written, or
    nothing: what is wrong is told with its line and column.

    Exit code 1 when something was wrong.
    """
    from holdfast.transfer.report import sentence

    parameters = _parameters(file, options)
    chosen = settings(options)
    try:
        with database(chosen) as found:
            done = asyncio.run(_import(chosen, found.dsn, file, collection, parameters))
    except ApiError as failure:
        raise click.ClickException(_said(failure)) from failure
    report = done.report
    if as_json:
        body = {**msgspec.to_builtins(report), "importId": done.id}
        click.echo(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())
    else:
        for error in report.errors:
            click.echo(sentence(error), err=True)
        numbers = ("read", "inserted", "updated", "skipped", "failed")
        click.echo(", ".join(f"{getattr(report, name):,} {name}" for name in numbers))
    sys.exit(1 if report.failed else 0)


def _parameters(file: Path, options: dict[str, Any]) -> dict[str, str]:
    """The options as the API would have them."""
    given = {
        "format": options.pop("format_") or _SUFFIXES.get(file.suffix.lower(), "csv"),
        "mode": options.pop("mode"),
        "key": options.pop("key"),
        "onError": options.pop("on_error"),
        "delimiter": options.pop("delimiter"),
        "null": options.pop("null"),
        "dates": options.pop("dates"),
        "dryRun": "true" if options.pop("dry_run") else None,
        "ignoreUnknown": "true" if options.pop("ignore_unknown") else None,
        "guard": "false" if options.pop("no_guard") else None,
        "hooks": "false" if options.pop("no_hooks") else None,
    }
    return {name: value for name, value in given.items() if value}


async def _import(chosen: Settings, dsn: str, file: Path, collection: str, parameters: dict[str, str]) -> "Imported":
    from holdfast.app import running
    from holdfast.events.context import Actor, Context
    from holdfast.identity import Principal
    from holdfast.plugins.hosting import Plugins
    from holdfast.plugins.loading import load_plugins
    from holdfast.rules.facts import Facts
    from holdfast.start import prepare_schema
    from holdfast.transfer.asked import read_asked
    from holdfast.transfer.importing import import_records
    from holdfast.transfer.job import make_job

    asked = read_asked(parameters)
    await prepare_schema(chosen, dsn)
    plugins = Plugins(load_plugins(chosen) if asked.hooks else ())
    async with running(msgspec.structs.replace(chosen, background=False), dsn, plugins) as engine:
        who = Principal(kind="superuser", name="cli")
        context = Context(actor=Actor(kind="cli"))
        size = None if str(file) == "-" else (await asyncio.to_thread(file.stat)).st_size
        job = make_job(engine, engine.catalog.get(collection), Facts(who=who), context, asked, size)
        return await import_records(engine, job, _pieces(file))


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    source: BinaryIO = sys.stdin.buffer if str(file) == "-" else await asyncio.to_thread(file.open, "rb")
    with source:
        while data := await asyncio.to_thread(source.read, PIECE_BYTES):
            yield data


def _said(failure: ApiError) -> str:
    """What a refusal says, with what it says of single columns and parameters."""
    found = [f"{name}: {problem.message}" for name, problem in failure.data.items() if isinstance(problem, Problem)]
    return " ".join(found) or failure.message
