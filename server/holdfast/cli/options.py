"""Options of commands, made from the catalogue of settings, so that both always say the same."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from typing_extensions import override

from holdfast.config import Settings, catalogue
from holdfast.setting import Setting

Function = TypeVar("Function", bound=Callable[..., Any])


class _Value(click.ParamType[Any]):
    """The value of a setting, refused by the same words as in the environment."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.name = setting.name

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The setting's own value; wrong use when the setting does not take it."""
        try:
            return self._setting.about.kind.read(value)
        except (ValueError, TypeError):
            self.fail(f"It has to be {self._setting.about.kind.allowed}, not {value!r}.", param, ctx)


def settings_options(*names: str) -> Callable[[Function], Function]:
    """Options for the settings of these names, and `--config`.

    The function gets them as keyword arguments, None where they are not given; `settings` turns them into Settings.
    """
    by_name = {setting.name: setting for setting in catalogue()}

    def add(function: Function) -> Function:
        config = click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="The file of the settings.  [HOLDFAST_CONFIG; default: ./holdfast.toml if it is there]",
        )
        function = config(function)
        for name in reversed(names):
            function = _option(by_name[name])(function)
        return function

    return add


def _option(setting: Setting) -> Callable[[Function], Function]:
    flag = setting.name.replace("_", "-")
    if isinstance(setting.default, bool):
        # A switch that is on by default is turned off by its option, and the other way round.
        wanted = "--no-" if setting.default else "--"
        return click.option(
            f"{wanted}{flag}",
            setting.name,
            flag_value=not setting.default,
            default=None,
            type=bool,
            help=f"{setting.about.help}  [{setting.environment}]",
        )
    if isinstance(setting.default, tuple):
        # Once for each: --skip-plugin words --skip-plugin feeds.
        help = f"{setting.about.help}  [{setting.environment}]"
        return click.option(
            f"--{flag.removesuffix('s')}", setting.name, multiple=True, metavar="NAME", callback=_some, help=help
        )
    return click.option(
        f"--{flag}",
        setting.name,
        type=_Value(setting),
        metavar=_metavar(setting),
        help=f"{setting.about.help}  [{setting.environment}; default: {setting.default}]",
    )


def _some(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...] | None:
    return given or None


def _metavar(setting: Setting) -> str:
    if isinstance(setting.default, int):
        return "NUMBER"
    return "DIRECTORY" if isinstance(setting.default, Path) else "TEXT"


def settings(options: dict[str, Any]) -> Settings:
    """The settings of this run: the command's options, then the environment, then the file. Raises ConfigError."""
    config: Path | None = options.pop("config", None)
    return Settings.load(os.environ, config, options)
