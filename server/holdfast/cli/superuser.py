"""`holdfast superuser`: makes superusers without anybody being logged in."""

import asyncio
import sys
from typing import Any

import click

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings


@click.group("superuser")
def command() -> None:
    """Make superusers, who may do everything over the API."""


@command.command("upsert")
@click.argument("email")
@click.argument("password", required=False)
@settings_options("data")
def upsert(email: str, password: str | None, **options: Any) -> None:
    """Make the superuser EMAIL, or give it a new PASSWORD.

    Without PASSWORD it is asked for, or read from standard input when that is no terminal; then it is in no shell
    history and in no list of processes. A new password ends all logins of that superuser.

    Works while the server runs, and while it does not.
    """
    given = password or _ask()
    chosen = settings(options)
    with database(chosen) as found:
        created = asyncio.run(_upsert(chosen, found.dsn, email, given))
    click.echo(f"{'made' if created else 'changed'} the superuser {email.strip()}")


def _ask() -> str:
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return sys.stdin.readline().rstrip("\r\n")


async def _upsert(chosen: Settings, dsn: str, email: str, password: str) -> bool:
    """Write the superuser; says whether it is new. Raises click.ClickException for what one cannot have."""
    from holdfast.audit.author import COMMAND_LINE
    from holdfast.auth.superusers import upsert_superuser
    from holdfast.db.pool import Pool
    from holdfast.db.session import session_settings
    from holdfast.errors import ApiError, Problem
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    pool = Pool(dsn, size=2, settings=session_settings(chosen))
    try:
        return (await upsert_superuser(pool, email, password, COMMAND_LINE)).created
    except ApiError as failure:
        reasons = [
            f"{name}: {problem.message}" for name, problem in failure.data.items() if isinstance(problem, Problem)
        ]
        raise click.ClickException(" ".join(reasons) or failure.message) from failure
    finally:
        await pool.close()
