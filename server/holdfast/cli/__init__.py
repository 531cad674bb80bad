"""The `holdfast` command: reads arguments, calls one function, prints one answer."""

from importlib import import_module
from typing import Any, Final

import click
from typing_extensions import override

from holdfast import __version__
from holdfast.config import ConfigError
from holdfast.db.cannot_start import CannotStart

# Name to module. A command is imported when it is used: `holdfast migrate` does not pay for the server.
COMMANDS: Final = {
    "serve": "holdfast.cli.serve",
    "worker": "holdfast.cli.background",
    "superuser": "holdfast.cli.superuser",
    "setup-link": "holdfast.cli.setup_link",
    "migrate": "holdfast.cli.migrate",
    "key": "holdfast.cli.key",
    "doctor": "holdfast.cli.doctor",
    "check": "holdfast.cli.check",
    "files": "holdfast.cli.files",
    "backup": "holdfast.cli.backup",
    "schema": "holdfast.cli.schema",
    "sdk": "holdfast.cli.sdk",
    "import": "holdfast.cli.import_records",
    "export": "holdfast.cli.export_records",
    "plugin": "holdfast.cli.plugin",
    "import-pocketbase": "holdfast.cli.import_pocketbase",
    "x": "holdfast.cli.plugin_commands",
}


class Commands(click.Group):
    """The commands, and what becomes of failures that were to be expected: one sentence and exit code 1."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which an operator meets them."""
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        module = COMMANDS.get(cmd_name)
        return None if module is None else import_module(module).command

    @override
    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (ConfigError, CannotStart) as failure:
            raise click.ClickException(str(failure)) from failure


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", prog_name="holdfast", message="%(prog)s %(version)s")
def main() -> None:
    """Holdfast: declare a collection, get an API.

    `holdfast serve` starts the server on its own PostgreSQL and prints where to go next.

    Every option can also be an environment variable (HOLDFAST_PORT) or a line of holdfast.toml (port = 8090).

    Exit codes: 0 done, 1 failed, 2 wrong use.
    """
