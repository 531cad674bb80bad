"""What the pages list and what the code has: the same sets."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from holdfast.cli import COMMANDS, main
from holdfast.config import catalogue
from holdfast.errors import catalogue as errors

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / "reference" / name).read_text("utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows whose first cell is code."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    return [[cell.strip("`") if cell.startswith("`") and cell.endswith("`") else cell for cell in row] for row in found]


def written(default: object) -> str:
    """A default as the page writes it."""
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def test_every_setting_is_on_its_page_with_its_variable_default_and_help():
    in_code = [
        [one.name, one.environment, one.about.kind.allowed, written(one.default), one.about.help] for one in catalogue()
    ]
    assert rows(page("settings.md")) == in_code


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def test_every_command_has_a_section_and_every_section_a_command():
    sections = re.findall(r"^## (.+)$", page("cli.md"), re.M)
    assert sorted(sections) == sorted(name for name, _ in commands(main))


@pytest.mark.parametrize(
    ("name", "command"), list(commands(main)), ids=lambda part: part if isinstance(part, str) else ""
)
def test_every_option_of_a_command_is_in_its_section(name: str, command: click.Command):
    section = page("cli.md").split(f"## {name}\n", 1)[1].split("\n## ", 1)[0]
    in_code = {
        option for one in command.params if isinstance(one, click.Option) for option in one.opts if option != "--config"
    }
    assert {row[0] for row in rows(section) if row[0].startswith("--")} == in_code


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_begins_with_a_sentence(name: str):
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.help or "").split("\n")[0].endswith(".")


def test_every_error_code_is_on_its_page_with_its_statuses():
    listed = {(row[1], row[0]) for row in rows(page("errors.md")) if re.fullmatch(r"\d{3}", row[1])}
    assert listed == {(str(error.status), error.code) for error in errors()}
