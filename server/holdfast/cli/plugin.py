"""`holdfast plugin`: makes plugins."""

import keyword
import sys
from pathlib import Path
from string import Template
from typing import Any, Final

import click

from holdfast.cli.options import settings, settings_options

TEMPLATES: Final = Path(__file__).with_name("new_plugin")


@click.group("plugin")
def command() -> None:
    """Write plugins of your own."""


@command.command("new")
@click.argument("name")
@settings_options("data", "plugins")
def new(name: str, **options: Any) -> None:
    """Make a plugin that works, with a test: a folder called NAME in the directory of plugins.

    NAME is small letters, digits and underscores, and begins with a letter.
    """
    from holdfast.plugins.loading import folder_of  # loads the interface of plugins, which `--help` need not wait for

    wrong = _wrong_name(name)
    if wrong:
        raise click.ClickException(f"A plugin cannot be called {name!r}: {wrong}.")
    folder = folder_of(settings(options)) / name
    taken = next((path for path in (folder, folder.with_suffix(".py")) if path.exists()), None)
    if taken is not None:
        raise click.ClickException(f"There is {taken} already: nothing was changed.")
    written = _write(folder, name)
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"\nTry it: pip install 'holdfast[testing]', then python -m pytest {folder}")


def _wrong_name(name: str) -> str:
    """What is wrong with the name of a new plugin, as the end of a sentence; empty if nothing."""
    from holdfast import paths
    from holdfast.plugins.loading import plugin_files
    from holdfast.plugins.soundness import NAME, TAKEN

    if NAME.fullmatch(name) is None:
        return "a name is small letters, digits and underscores, a letter first, at most 40"
    if keyword.iskeyword(name) or name in sys.stdlib_module_names:
        return "Python has a word or a module of that name"
    if name in TAKEN or name == "holdfast":
        return "events of the server are called so"
    if name in [path.stem for path in plugin_files(paths.plugins())]:
        return "a plugin that comes with Holdfast is called so"
    return ""


def _write(folder: Path, name: str) -> list[Path]:
    kind = "".join(word.capitalize() for word in name.split("_"))
    made: list[Path] = []
    folder.mkdir(parents=True)
    for template in sorted(TEMPLATES.glob("*.txt")):
        path = folder / template.stem.replace("NAME", name)
        path.write_text(Template(template.read_text("utf-8")).substitute(name=name, kind=kind), "utf-8")
        made.append(path)
    return made
