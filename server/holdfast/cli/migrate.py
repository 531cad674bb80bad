"""`holdfast migrate`: brings the system schema up to this version."""

import asyncio
from typing import Any

import click

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options


@click.command("migrate")
@settings_options("data")
@click.option("--dry-run", is_flag=True, help="Show what would be applied and change nothing.")
def command(dry_run: bool, **options: Any) -> None:
    """Bring the database up to this version.

    `holdfast serve` does the same when it starts. Use this to do it beforehand, or to see what would be done.

    Safe from several machines at once: one applies, the others wait and find nothing to do. A migration that fails
    leaves nothing behind.
    """
    from holdfast.db.migrate import outstanding
    from holdfast.start import prepare_schema

    chosen = settings(options)
    with database(chosen) as found:
        names = asyncio.run(outstanding(found.dsn) if dry_run else prepare_schema(chosen, found.dsn))
    for name in names:
        click.echo(f"{'would apply' if dry_run else 'applied'} {name}")
    if not names:
        click.echo("up to date")
