"""Where the hooks of a process are found: it holds those that are in force now."""

from holdfast.hooks.table import NO_HOOKS, Hooks


class Host:
    """A process without plugins; the one with plugins inherits from it."""

    def __init__(self) -> None:
        self.hooks: Hooks = NO_HOOKS
        self.names: tuple[str, ...] = ()  # of all plugins that are there
