"""Where the hooks, jobs, schedules and record actions of a process are found: it holds those that are in force now."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast.hooks.offered import Offered
from holdfast.hooks.table import NO_HOOKS, Hooks
from holdfast.plugin_job import Job

if TYPE_CHECKING:  # lies in a layer above
    from holdfast.jobs.cron import Recurring
    from holdfast.jobs.job import JobKind


class Host:
    """A process without plugins; the one with plugins inherits from it."""

    def __init__(self) -> None:
        self.hooks: Hooks = NO_HOOKS
        self.names: tuple[str, ...] = ()  # of all plugins that are there
        self.jobs: Mapping[str, Job[Any]] = {}  # of all these, by PLUGIN.NAME; schedules are jobs, too
        self.kinds: Mapping[str, JobKind] = {}  # the same of plugins that are on, as a worker does them
        self.recurring: Mapping[str, Recurring] = {}  # the schedules of plugins that are on
        self.actions: Mapping[str, Offered] = {}  # the record actions of plugins that are on, by PLUGIN.NAME

    def is_awaited(self, plugin: str) -> bool:
        """Whether a plugin that is turned on has not started yet."""
        del plugin
        return False
