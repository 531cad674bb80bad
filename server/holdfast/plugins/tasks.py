"""What runs for plugins beside the requests of a process."""

import asyncio

from holdfast.config import Settings
from holdfast.plugins.following import follow_changes
from holdfast.plugins.hosting import Plugins
from holdfast.plugins.loading import folder_of
from holdfast.plugins.reloading import reload_forever


def plugin_tasks(plugins: Plugins, settings: Settings) -> list[asyncio.Task[None]]:
    """The tasks, until they are cancelled; none where there are no plugins."""
    if not plugins.loaded and not settings.reload:
        return []
    tasks = [asyncio.create_task(plugins.follow(), name="turn plugins on and off")]
    if settings.background:
        tasks.append(asyncio.create_task(follow_changes(plugins), name="offer changes to plugins"))
    if settings.reload:
        reloading = reload_forever(plugins, folder_of(settings), frozenset(settings.skip_plugins))
        tasks.append(asyncio.create_task(reloading, name="load plugins anew"))
    return tasks
