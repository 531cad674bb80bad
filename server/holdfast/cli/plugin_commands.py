"""`holdfast x PLUGIN …`: the commands of plugins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from typing_extensions import override

from holdfast.cli.database import database
from holdfast.cli.options import settings, settings_options
from holdfast.config import Settings
from holdfast.plugin import CommandLine, Context

if TYPE_CHECKING:  # loads the application, which `--help` need not wait for
    from holdfast.plugins.loading import Loaded

Found = TypeVar("Found")


class PluginCommandLine(CommandLine):
    """Opens the database, starts the plugins and works as one of them, once."""

    def __init__(self, chosen: Settings, loaded: "Loaded") -> None:
        self._chosen = msgspec.structs.replace(chosen, background=False)
        self._loaded = loaded

    @override
    def run(self, work: Callable[[Context], Awaitable[Found]]) -> Found:
        """See holdfast.plugin.CommandLine."""
        with database(self._chosen) as found:
            return asyncio.run(self._run(found.dsn, work))

    async def _run(self, dsn: str, work: Callable[[Context], Awaitable[Found]]) -> Found:
        from holdfast.app import running
        from holdfast.plugins.hosting import Plugins
        from holdfast.start import prepare_schema

        await prepare_schema(self._chosen, dsn)
        plugins = Plugins((self._loaded,))
        async with running(self._chosen, dsn, plugins):
            context = plugins.context(self._loaded, plugins.origin(self._loaded.plugin.name))
            try:
                return await work(context)
            finally:
                context.leave()
                await context.undo()


class PluginCommands(click.Group):
    """The plugins that have commands, each a group of them. They are loaded when somebody asks."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted(self._groups(ctx))

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The commands of one plugin."""
        return self._groups(ctx).get(cmd_name)

    def _groups(self, ctx: click.Context) -> dict[str, click.Group]:
        from holdfast.plugins.loading import load_plugins

        chosen = settings(dict(ctx.params))
        made = [_group(chosen, loaded) for loaded in load_plugins(chosen)]
        return {str(group.name): group for group in made if group.commands}


def _group(chosen: Settings, loaded: "Loaded") -> click.Group:
    plugin = loaded.plugin

    def begin() -> None:
        click.get_current_context().obj = PluginCommandLine(chosen, loaded)

    group = click.Group(plugin.name, callback=begin, help=plugin.description or f"Commands of {plugin.name}.")
    for command in plugin.commands():
        if command.name in group.commands:
            raise click.ClickException(f"The plugin {plugin.name} has two commands called {command.name}.")
        group.add_command(command)
    return group


@click.group("x", cls=PluginCommands)
@settings_options("data", "plugins", "skip_plugins")
def command(**_: Any) -> None:
    """Run a command of a plugin: `holdfast x PLUGIN COMMAND`.

    Works while the server runs, and while it does not.
    """
