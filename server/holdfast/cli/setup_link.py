"""`holdfast setup-link`: a new link for making the first superuser."""

import asyncio
from typing import Any

import click

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings


@click.command("setup-link")
@settings_options("host", "port", "data", "public_url")
def command(**options: Any) -> None:
    """Print a new one-time link for making the first superuser.

    The link of the first start, or of an earlier setup-link, does not work any more then. Once there is a superuser
    there are no links: use `holdfast superuser upsert`.
    """
    chosen = settings(options)
    with database(chosen) as found:
        link = asyncio.run(_link(chosen, found.dsn))
    click.echo(link)


async def _link(chosen: Settings, dsn: str) -> str:
    """The link; raises click.ClickException when there is a superuser already."""
    from holdfast.auth.setup import make_setup_token, setup_link
    from holdfast.db.pool import Pool
    from holdfast.db.session import session_settings
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    pool = Pool(dsn, size=2, settings=session_settings(chosen))
    try:
        token = await make_setup_token(pool)
    finally:
        await pool.close()
    if token is None:
        raise click.ClickException(
            "There is a superuser already: use `holdfast superuser upsert EMAIL` to make another or to set a password."
        )
    return setup_link(chosen.public_url or _origin(chosen), token)


def _origin(chosen: Settings) -> str:
    host = "127.0.0.1" if chosen.host in ("0.0.0.0", "::") else chosen.host
    return f"http://[{host}]:{chosen.port}" if ":" in host else f"http://{host}:{chosen.port}"
