"""Loads plugins anew while they are written: a file that changes is in force within a second."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from holdfast.plugins.hosting import Plugins
from holdfast.plugins.loading import NotLoaded, load_file, plugin_files

LOOK_SECONDS: Final = 0.3
Stamps: TypeAlias = Mapping[Path, tuple[tuple[str, int, int], ...]]
"""Of each plugin's path, its files with their times and sizes."""
_log: Final = structlog.get_logger("holdfast.plugins")


async def reload_forever(plugins: Plugins, folder: Path, skipped: frozenset[str]) -> None:
    """Look for changes until cancelled. A file that cannot be loaded leaves what was loaded before in force."""
    seen = stamps(folder)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = await asyncio.to_thread(stamps, folder)
        for path in sorted({*seen, *now}):
            if seen.get(path) != now.get(path) and path.stem not in skipped:
                await _take(plugins, path, is_there=path in now)
        seen = now


async def _take(plugins: Plugins, path: Path, *, is_there: bool) -> None:
    if not is_there:
        await plugins.drop(str(path))
        return
    try:
        loaded = load_file(path)
    except NotLoaded as failure:
        plugins.failed(failure.plugin, f"It cannot be loaded anew, so what was loaded before is in force: {failure}")
        _log.error("a plugin cannot be loaded anew", plugin=failure.plugin, reason=str(failure))
        return
    other = plugins.find(loaded.plugin.name)
    if other is not None and other.source != loaded.source:
        reason = f"another plugin has its name: {other.source}"
        _log.error("a plugin cannot be loaded anew", plugin=loaded.plugin.name, reason=reason)
        return
    await plugins.put(loaded)


def stamps(folder: Path) -> Stamps:
    """How the plugins in the folder stand now."""
    return {path: tuple(sorted(_files(path))) for path in plugin_files(folder)}


def _files(path: Path) -> Iterator[tuple[str, int, int]]:
    for file in path.rglob("*.py") if path.is_dir() else (path,):
        try:
            about = file.stat()
        except OSError:  # it has just gone
            continue
        yield str(file), about.st_mtime_ns, about.st_size
