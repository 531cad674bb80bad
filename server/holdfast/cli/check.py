"""`holdfast check`: whether the rules can be used, and whether they keep to their tests."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.access.examination import Examined


@click.command("check")
@settings_options("data")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(as_json: bool, **options: Any) -> None:
    """Check all rules, and run all rule tests.

    Compiles every rule of every collection and of every role's permissions, and runs the rule tests that are kept
    beside them. Each test is really done and then undone, so nothing of it is left. Safe while the server runs.

    Exit code 1 when a rule cannot be used or a test fails.
    """
    chosen = settings(options)
    with database(chosen) as found:
        examined = asyncio.run(_examine(chosen, found.dsn))
    click.echo(msgspec.json.format(msgspec.json.encode(examined), indent=2).decode() if as_json else _text(examined))
    sys.exit(0 if examined.is_sound else 1)


async def _examine(chosen: Settings, dsn: str) -> "Examined":
    from holdfast.access.examination import examine_access
    from holdfast.app import running
    from holdfast.start import prepare_schema

    await prepare_schema(chosen, dsn)
    async with running(msgspec.structs.replace(chosen, background=False), dsn) as engine:
        return await examine_access(engine)


def _text(examined: "Examined") -> str:
    lines = [f"{click.style('BROKEN', fg='red')}  {rule.where}: {rule.message}" for rule in examined.broken]
    for result in examined.tests.results:
        sign = click.style("ok    ", fg="green") if result.passed else click.style("FAILED", fg="red")
        ended = "" if result.passed else f": should be {result.expected}, is {result.got}"
        why = f" ({result.message})" if result.message and not result.passed else ""
        lines.append(f"{sign}  {result.collection}: {result.name}{ended}{why}")
    tests = examined.tests
    of_tests = f"{tests.passed + tests.failed} tests, {tests.failed} failed"
    lines.append(f"{examined.rules} rules, {len(examined.broken)} broken; {of_tests}")
    return "\n".join(lines)
