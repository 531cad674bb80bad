"""What an operator has set about a plugin: whether it is on, its place, its settings."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec


class PluginState(msgspec.Struct, frozen=True):
    """What is set about one plugin, which need not be there. Where they are None, what it has by itself is in force."""

    enabled: bool | None = None
    priority: int | None = None
    settings: Mapping[str, Any] = {}


NO_PLUGINS: Final[Mapping[str, PluginState]] = {}
