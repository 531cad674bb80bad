"""`holdfast export`: writes the records of a collection into a file, by the same way as the API."""

import asyncio
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings
from holdfast.errors import ApiError, Problem

_SUFFIXES: Final = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json"}


@click.command("export")
@click.argument("collection")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file. Without it: standard output.")
@click.option("--format", "format_", help="csv (default), ndjson, or json for a list.")
@click.option("--filter", "filter_", help="Which records.")
@click.option("--sort", help="In which order.")
@click.option("--fields", help="Which fields, with commas between them.")
@click.option("--labels", help="Relations as a field of their records: author.email, or * for all.")
@click.option("--delimiter", help="Of CSV: comma (default), semicolon or tab.")
@click.option("--no-guard", is_flag=True, help="Let spreadsheets take texts for formulas.")
@click.option("--null", help="Of CSV: the text that stands for null, such as NULL. Otherwise an empty cell does.")
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, by which Excel knows UTF-8.")
@settings_options("data")
def command(collection: str, out: Path | None, **options: Any) -> None:
    """Export the records of COLLECTION as CSV, NDJSON or a JSON list, which `holdfast import` reads.

    Works while the server runs, and while it does not. The records are all of one moment.
    """
    parameters = _parameters(out, options)
    chosen = settings(options)
    try:
        with database(chosen) as found:
            asyncio.run(_export(chosen, found.dsn, collection, parameters, out))
    except ApiError as failure:
        reasons = [f"{name}: {one.message}" for name, one in failure.data.items() if isinstance(one, Problem)]
        raise click.ClickException(" ".join(reasons) or failure.message) from failure


def _parameters(out: Path | None, options: dict[str, Any]) -> dict[str, str]:
    """The options as the API would have them."""
    by_name = _SUFFIXES.get(out.suffix.lower()) if out is not None else None
    given = {
        "format": options.pop("format_") or by_name,
        "filter": options.pop("filter_"),
        "sort": options.pop("sort"),
        "fields": options.pop("fields"),
        "labels": options.pop("labels"),
        "delimiter": options.pop("delimiter"),
        "null": options.pop("null"),
        "guard": "false" if options.pop("no_guard") else None,
        "bom": "true" if options.pop("bom") else None,
    }
    return {name: value for name, value in given.items() if value}


async def _export(chosen: Settings, dsn: str, collection: str, parameters: dict[str, str], out: Path | None) -> None:
    from holdfast.app import running
    from holdfast.identity import Principal
    from holdfast.rules.facts import Facts
    from holdfast.start import prepare_schema
    from holdfast.transfer.export_asked import read_export
    from holdfast.transfer.exporting import pieces_of, plan_export

    asked = read_export(parameters)
    await prepare_schema(chosen, dsn)
    async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
        facts = Facts(who=Principal(kind="superuser", name="cli"))
        export = plan_export(engine, engine.catalog.get(collection), facts, asked)
        with _opened(out) as target:
            async for piece in pieces_of(engine, export):
                await asyncio.to_thread(target.write, piece)


@contextmanager
def _opened(out: Path | None) -> Generator[BinaryIO]:
    """Where the file goes."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with out.open("wb") as target:
        yield target
