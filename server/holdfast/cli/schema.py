"""`holdfast schema`: the collections as a file, what it would change, and what that breaks."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.collections.estimate import Planned
    from holdfast.engine import Engine
    from holdfast.errors import ApiError
    from holdfast_sdk.breaks import Break

Outcome = TypeVar("Outcome")


@click.group("schema")
def command() -> None:
    """Read and change the collections by a file.

    Works while the server runs, and while it does not.
    """


@command.command("pull")
@click.argument("file")
@settings_options("data")
def pull(file: str, **options: Any) -> None:
    """Write the collections to FILE; - is standard output."""
    from holdfast.schema.rendering import collection_json

    async def read(engine: "Engine") -> list[Any]:
        return [collection_json(one) for one in engine.catalog.collections if not one.system]

    text = _json(_with_engine(settings(options), read)) + "\n"
    if file == "-":
        click.echo(text, nl=False)
        return
    Path(file).write_text(text, "utf-8")
    click.echo(f"wrote {file}")


@command.command("plan")
@click.argument("file")
@click.option("--delete-missing", is_flag=True, help="Collections and fields that the file does not name go.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan and the breaks as JSON.")
@settings_options("data")
def plan(file: str, delete_missing: bool, as_json: bool, **options: Any) -> None:
    """Say what the collections of FILE would change, and what that breaks in programs that use the Python client."""
    from holdfast.collections.change import foresee
    from holdfast.collections.decisions import importing
    from holdfast.sdk.schema import client_schema
    from holdfast_sdk.breaks import breaks

    given = _read(file, delete_missing=delete_missing)

    async def look(engine: "Engine") -> "tuple[Planned, tuple[Break, ...]]":
        found, after = await foresee(engine, importing(given))
        before = client_schema(engine.catalog, "", superuser=True)
        return found, breaks(before, client_schema(after, "", superuser=True))

    chosen = settings(options)
    found, broken = _with_engine(chosen, look)
    if as_json:
        click.echo(_json({"hash": found.hash, "steps": found.steps, "estimate": found.estimate, "breaks": broken}))
        return
    click.echo(_text(found, broken))
    if chosen.schema_lock:
        click.echo(f"locked by {chosen.sources['schema_lock']}: to push it takes --unlock")


@command.command("push")
@click.argument("file")
@click.option("--delete-missing", is_flag=True, help="Collections and fields that the file does not name go.")
@click.option("--plan", "hash", default="", help="The hash of a plan: it is done only if it is still exactly that.")
@click.option("--unlock", is_flag=True, help="Change them though the setting schema_lock is on.")
@settings_options("data")
def push(file: str, delete_missing: bool, hash: str, unlock: bool, **options: Any) -> None:
    """Make the collections those of FILE, all or nothing."""
    from holdfast.audit.author import COMMAND_LINE
    from holdfast.collections.service import import_

    given = _read(file, delete_missing=delete_missing)
    if hash:
        given["plan"] = hash
    chosen = settings(options)
    if chosen.schema_lock and not unlock:
        source = chosen.sources["schema_lock"]
        raise click.ClickException(f"The schema is locked by {source}: nothing is changed. --unlock changes it.")
    opened = msgspec.structs.replace(chosen, schema_lock=False)
    _with_engine(opened, lambda engine: import_(engine, COMMAND_LINE, given))
    click.echo(f"{len(given['collections'])} collections are as {file} has them")


def _read(file: str, *, delete_missing: bool) -> dict[str, Any]:
    """What an import takes, of a file with a list of collections or with an object that has one."""
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        found: Any = msgspec.json.decode(body)
    except OSError as failure:
        raise click.ClickException(f"{file} cannot be read: {failure.strerror}.") from failure
    except msgspec.DecodeError as failure:
        raise click.ClickException(f"{file} is no JSON: {failure}.") from failure
    given = cast("dict[str, Any]", found) if isinstance(found, dict) else {"collections": found}
    if not isinstance(given.get("collections"), list):
        raise click.ClickException(f"{file} has to hold a list of collections.")
    return {
        "collections": given["collections"],
        "deleteMissing": delete_missing or given.get("deleteMissing", False),
    }


def _text(found: "Planned", broken: "tuple[Break, ...]") -> str:
    from holdfast.collections.estimate import duration

    lines = [
        f"{step.collection}  {step.action}" + (f"  DESTROYS values of {step.rows} rows" if step.destroys else "")
        for step in found.steps
    ]
    lines = [*lines, "", duration(found.estimate)] if lines else ["nothing to change"]
    if broken:
        lines += ["", "Programs that use the Python client:", *(f"  {one}" for one in broken)]
    return "\n".join([*lines, "", f"hash {found.hash}"])


def _with_engine(chosen: Settings, work: "Callable[[Engine], Awaitable[Outcome]]") -> Outcome:
    """What the work gives. Raises click.ClickException for what the API would refuse."""
    with database(chosen) as found:
        return asyncio.run(_run(chosen, found.dsn, work))


async def _run(chosen: Settings, dsn: str, work: "Callable[[Engine], Awaitable[Outcome]]") -> Outcome:
    from holdfast.app import running
    from holdfast.errors import ApiError
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    try:
        async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
            return await work(engine)
    except ApiError as failure:
        raise click.ClickException(_reasons(failure)) from failure


def _reasons(failure: "ApiError") -> str:
    """The message, and everything that is wrong with the file."""
    return "\n".join([failure.message, *_problems(msgspec.to_builtins(failure.data), "")])


def _problems(data: Any, prefix: str) -> list[str]:
    found: list[str] = []
    for name, inner in data.items():
        if "message" in inner and isinstance(inner["message"], str):
            found.append(f"  {prefix}{name}: {inner['message']}")
        else:
            found += _problems(inner, f"{prefix}{name}.")
    return found


def _json(found: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
