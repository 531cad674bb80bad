"""Where the value of every setting comes from: saved, fixed by the environment, given at the start, a default. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.config import Settings, catalogue
from holdfast.schema.app_options import DEFAULT_OPTIONS, FIXED_BY, AppOptions

DEFAULT: Final = "default"
SAVED: Final = "saved"


class Sourced(msgspec.Struct, frozen=True):
    """An option that an operator changes while the server runs, as `meta.appName`."""

    name: str
    source: str


class Startup(msgspec.Struct, frozen=True):
    """A setting that the server was started with. The value of a secret is hidden."""

    name: str
    variable: str
    value: object
    source: str
    help: str


def option_sources(options: AppOptions, settings: Settings) -> list[Sourced]:
    """The options by their paths. `options` are those that are saved, before the environment takes their place."""
    defaults = dict(_leaves(msgspec.to_builtins(DEFAULT_OPTIONS)))
    variables = {setting.name: setting.environment for setting in catalogue()}
    fixed = {".".join(path): name for path, name in FIXED_BY.items() if getattr(settings, name)}
    found: list[Sourced] = []
    for path, content in _leaves(msgspec.to_builtins(options)):
        if path in fixed:
            source = settings.sources.get(fixed[path]) or f"the environment variable {variables[fixed[path]]}"
        else:
            source = DEFAULT if defaults.get(path) == content else SAVED
        found.append(Sourced(path, source))
    return found


def startup_settings(settings: Settings) -> list[Startup]:
    """The settings of the server itself, in the order of their page."""
    return [
        Startup(
            name=one.name,
            variable=one.environment,
            value=one.shown(getattr(settings, one.name)),
            source=settings.sources.get(one.name, DEFAULT),
            help=one.about.help,
        )
        for one in catalogue()
    ]


def _leaves(tree: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, object]]:
    """The sections' own keys: what is deeper, such as quotas by collection, is one value."""
    for key, content in tree.items():
        if not under and isinstance(content, dict):
            yield from _leaves(cast("dict[str, Any]", content), f"{key}.")
        else:
            yield under + key, content
