"""`holdfast key`: makes, lists and revokes API keys without anybody being logged in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.engine import Engine

Outcome = TypeVar("Outcome")


@click.group("key")
def command() -> None:
    """Make, list and revoke API keys.

    Works while the server runs, and while it does not.
    """


@command.command("create")
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="A role that the key has. Can be given several times.")
@click.option("--superuser", is_flag=True, help="The key may do everything.")
@click.option("--expires", default="", help="When it ends, such as 2027-01-31.")
@click.option("--allow", "networks", multiple=True, help="An address or network that it can be used from.")
@click.option("--json", "as_json", is_flag=True, help="Print the key as JSON.")
@settings_options("data")
def create(
    name: str,
    roles: tuple[str, ...],
    superuser: bool,
    expires: str,
    networks: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Make the API key NAME and print its secret, which is never shown again."""
    from holdfast.audit.author import COMMAND_LINE
    from holdfast.auth.key_service import create_key

    body = {
        "name": name,
        "roles": list(roles),
        "superuser": superuser,
        "expires": expires,
        "allowedIps": list(networks),
    }
    made = _with_engine(settings(options), lambda engine: create_key(engine, COMMAND_LINE, body))
    click.echo(_json(made) if as_json else made["key"])


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
@settings_options("data")
def list_(as_json: bool, **options: Any) -> None:
    """Print the API keys, without their secrets."""
    from holdfast.auth.key_service import list_keys

    found = _with_engine(settings(options), list_keys)
    if as_json:
        click.echo(_json(found))
        return
    for key in found:
        state = f"revoked {key['revoked']}" if key["revoked"] else f"last used {key['lastUsed'] or 'never'}"
        may = "superuser" if key["superuser"] else ", ".join(key["roles"]) or "no roles"
        click.echo(f"{key['id']}  {key['name']}  ({may}; {state})")


@command.command("revoke")
@click.argument("id")
@settings_options("data")
def revoke(id: str, **options: Any) -> None:
    """End the API key of this id. Every server refuses it within 2 seconds."""
    from holdfast.audit.author import COMMAND_LINE
    from holdfast.auth.key_service import revoke_key

    _with_engine(settings(options), lambda engine: revoke_key(engine, COMMAND_LINE, id))
    click.echo(f"revoked {id}")


def _with_engine(chosen: Settings, work: "Callable[[Engine], Awaitable[Outcome]]") -> Outcome:
    """What the work gives. Raises click.ClickException for what the API would refuse."""
    with database(chosen) as found:
        return asyncio.run(_run(chosen, found.dsn, work))


async def _run(chosen: Settings, dsn: str, work: "Callable[[Engine], Awaitable[Outcome]]") -> Outcome:
    from holdfast.app import running
    from holdfast.errors import ApiError, Problem
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    try:
        async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
            return await work(engine)
    except ApiError as failure:
        reasons = [
            f"{name}: {problem.message}" for name, problem in failure.data.items() if isinstance(problem, Problem)
        ]
        raise click.ClickException(" ".join(reasons) or failure.message) from failure


def _json(found: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
