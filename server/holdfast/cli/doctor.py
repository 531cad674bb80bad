"""`holdfast doctor`: examines this installation and says what to do."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
import msgspec

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.doctor.finding import Finding, State, broken

SIGNS: Final[dict[State, tuple[str, str]]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "broken": ("BROKEN", "red"),
}


@click.command("doctor")
@settings_options("data")
@click.option("--json", "as_json", is_flag=True, help="Print the findings and the settings as JSON.")
def command(as_json: bool, **options: Any) -> None:
    """Examine this installation and say what to do.

    Looks at the disk, the limits of the system, PostgreSQL (its age, its settings, its clock), the system schema, and
    whether every collection's table, columns, indexes, foreign keys and triggers are as they are declared, and whether
    all changes become events.
    Changes nothing; safe while the server runs.

    Exit code 1 when something is broken, 0 when there are at most warnings.
    """
    chosen = settings(options)
    findings = examine(chosen)
    click.echo(_json(chosen, findings) if as_json else _text(chosen, findings))
    sys.exit(1 if any(finding.state == "broken" for finding in findings) else 0)


def examine(chosen: Settings) -> list[Finding]:
    """All findings; a database that cannot be reached is one of them."""
    from holdfast.doctor.examination import examine as look
    from holdfast.doctor.machine import machine

    try:
        with database(chosen) as found:
            return asyncio.run(look(chosen, found.dsn))
    except CannotStart as failure:
        return [*machine(chosen), broken("database", "cannot be reached", str(failure))]


def _json(chosen: Settings, findings: Sequence[Finding]) -> str:
    body = {"findings": findings, "settings": chosen.shown()}
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode()


def _text(chosen: Settings, findings: Sequence[Finding]) -> str:
    lines: list[str] = []
    for finding in findings:
        sign, colour = SIGNS[finding.state]
        lines.append(f"{click.style(f'{sign:<8}', fg=colour)} {finding.about}: {finding.found}")
        if finding.advice:
            lines.append(f"         {finding.advice}")
    lines.append("")
    lines.append("Settings that are not at their default:")
    default = Settings().shown()
    changed = {name: value for name, value in chosen.shown().items() if value != default[name] and name != "data"}
    lines.append(f"         data = {chosen.data}")
    lines.extend(f"         {name} = {value}" for name, value in changed.items())
    return "\n".join(lines)
