"""`holdfast sdk`: writes the client of a server."""

import time
from pathlib import Path
from typing import Final

import click

WATCH_SECONDS: Final = 1.0


@click.group("sdk")
def command() -> None:
    """Write the client of a server as files."""


@command.command("python")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The directory for the package."
)
@click.option("--url", default="http://127.0.0.1:8090", show_default=True, help="The address of the server.")
@click.option("--key", default="", envvar="HF_KEY", help="An API key, from another machine; better in HF_KEY.")
@click.option("--watch", is_flag=True, help="Go on, and write the package anew when the collections change.")
def python(out: Path, url: str, key: str, watch: bool) -> None:
    """Write the Python client of a running server.

    The package goes into a directory of its own below --out, in place of the one that this command has written before.
    """
    from holdfast_sdk.fetching import CannotFetch, fetch_schema, write_package

    before = ""
    while True:
        try:
            schema = fetch_schema(url, key)
            if schema.schema != before:
                click.echo(f"{write_package(schema, out)}  {schema.version}")
                before = schema.schema
        except CannotFetch as failure:
            if not watch:
                raise click.ClickException(str(failure)) from failure
            click.echo(str(failure), err=True)
        if not watch:
            return
        time.sleep(WATCH_SECONDS)
