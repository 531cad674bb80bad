"""Finds plugins and makes them: modules in a folder, and classes of installed packages."""

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from holdfast import paths
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.plugin import ConsolePage, Job, Plugin, RecordAction, Schedule
from holdfast.plugins.action_soundness import wrong_actions
from holdfast.plugins.page_soundness import wrong_pages
from holdfast.plugins.soundness import wrong_class
from holdfast.plugins.work_soundness import wrong_work

GROUP: Final = "holdfast.plugins"  # of entry points
PREFIX: Final = "holdfast_plugins"  # of the names that modules of the folder get
BUNDLED_PREFIX: Final = "holdfast_bundled"  # the same of those that are part of Holdfast
FOLDER: Final = "plugins"
BUNDLED: Final = "bundled"  # where those come from that are part of Holdfast


class NotLoaded(Exception):
    """A plugin cannot be loaded. `plugin` is what it is called: its name, or where that is not known, its file's."""

    def __init__(self, plugin: str, source: str, reason: str) -> None:
        super().__init__(f"The plugin {plugin} cannot be loaded ({source}): {reason.rstrip('.')}.")
        self.plugin = plugin


class Loaded(msgspec.Struct, frozen=True):
    """A plugin that was made. `source` is where it came from, `module` what the names of its modules begin with.

    `is_on`: whether it is on before an operator has said anything; bundled ones are not.
    """

    plugin: Plugin
    source: str
    module: str
    jobs: tuple[Job[Any], ...] = ()
    schedules: tuple[Schedule, ...] = ()
    actions: tuple[RecordAction, ...] = ()
    pages: tuple[ConsolePage, ...] = ()
    is_on: bool = True


def folder_of(settings: Settings) -> Path:
    """The folder whose modules are plugins: the one that is set, else `plugins` beside the data."""
    return Path(settings.plugins).expanduser().absolute() if settings.plugins else settings.data.parent / FOLDER


def load_plugins(settings: Settings) -> tuple[Loaded, ...]:
    """All plugins that are there, those of the folder first. Raises CannotStart with the name and the reason.

    A bundled one is left out where another has its name.
    """
    try:
        found = tuple(_named_apart(_load(settings)))
        return (*found, *_load_bundled({*settings.skip_plugins, *(one.plugin.name for one in found)}))
    except NotLoaded as failure:
        hint = f" Repair it, or start with --skip-plugin {failure.plugin}."
        raise CannotStart(str(failure) + hint) from failure


@cache
def _installed(_: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """The plugins of installed packages, by name. With 190 packages 15 ms; each of a test's servers would ask anew."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda point: point.name))


def _load(settings: Settings) -> Iterator[Loaded]:
    folder, skipped = folder_of(settings), frozenset(settings.skip_plugins)
    if settings.plugins and not folder.is_dir():
        raise CannotStart(f"There is no directory {folder}, which the setting plugins names.")
    for path in plugin_files(folder):
        if path.stem not in skipped:
            yield from _unless_skipped(load_file(path), skipped)
    for point in _installed(tuple(sys.path)):
        if point.name not in skipped:
            yield from _unless_skipped(_load_installed(point), skipped)


def _load_bundled(left_out: Set[str]) -> Iterator[Loaded]:
    for path in plugin_files(paths.plugins()):
        if path.stem not in left_out:
            module_name = f"{BUNDLED_PREFIX}.{path.stem}"
            # Not anew: they do not change, and tests start many servers in one process.
            module = sys.modules.get(module_name) or _import(module_name, path)
            loaded = _make(_class_in(module), path.stem, BUNDLED, module_name)
            yield msgspec.structs.replace(loaded, is_on=False)


def _unless_skipped(loaded: Loaded, skipped: frozenset[str]) -> Iterator[Loaded]:
    if loaded.plugin.name not in skipped:
        yield loaded


def plugin_files(folder: Path) -> list[Path]:
    """The modules of a folder, by name: `words.py`, and folders with an `__init__.py`; none with `_` or `.` first."""
    if not folder.is_dir():
        return []
    found = [
        path
        for path in folder.iterdir()
        if path.name[0] not in "._" and (path.suffix == ".py" or (path / "__init__.py").is_file())
    ]
    return sorted(found, key=lambda path: path.stem)


def load_file(path: Path) -> Loaded:
    """The plugin of a module in the folder, imported anew. Raises NotLoaded."""
    if not path.stem.isidentifier():
        raise NotLoaded(path.stem, str(path), "its file has to have a name that Python can import")
    module_name = f"{PREFIX}.{path.stem}"
    forget_modules(module_name)
    try:
        module = _import(module_name, path)
        kind = _class_in(module)
        return _make(kind, path.stem, str(path), module_name)
    except NotLoaded:
        forget_modules(module_name)
        raise
    except (Exception, SystemExit) as failure:
        forget_modules(module_name)
        raise NotLoaded(path.stem, str(path), f"{type(failure).__name__}: {failure}") from failure


def forget_modules(prefix: str) -> None:
    """Let a module and those inside it be imported anew."""
    for name in [name for name in sys.modules if name == prefix or name.startswith(prefix + ".")]:
        gone = sys.modules.pop(name)
        # Python tells two versions of a file apart by second and size: not enough for who saves twice in a second.
        cached: str | None = getattr(gone, "__cached__", None)
        if cached:
            with suppress(OSError):
                Path(cached).unlink(missing_ok=True)


def _import(name: str, path: Path) -> ModuleType:
    # The module has to be where msgspec and pickle look for the names in its annotations.
    prefix = name.partition(".")[0]
    sys.modules.setdefault(prefix, importlib.util.module_from_spec(ModuleSpec(prefix, None, is_package=True)))
    inside = [str(path)] if path.is_dir() else None
    file = path / "__init__.py" if path.is_dir() else path
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _class_in(module: ModuleType) -> type[Plugin]:
    found = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Plugin) and one.__module__.startswith(module.__name__)
    ]
    found = [one for one in found if "name" in vars(one)]
    if len(found) != 1:
        how_many = "no class" if not found else f"{len(found)} classes"
        raise ImportError(f"it has {how_many} with a name that inherits from Plugin, and has to have one")
    return found[0]


def _load_installed(point: EntryPoint) -> Loaded:
    source = f"entry point {point.value}"
    try:
        found: Any = point.load()
        if not (isinstance(found, type) and issubclass(found, Plugin)):
            raise NotLoaded(point.name, source, "it is no class that inherits from Plugin")
        return _make(found, point.name, source, found.__module__)
    except NotLoaded:
        raise
    except (Exception, SystemExit) as failure:
        raise NotLoaded(point.name, source, f"{type(failure).__name__}: {failure}") from failure


def _make(kind: type[Plugin], called: str, source: str, module: str) -> Loaded:
    wrong = wrong_class(kind)
    if wrong:
        raise NotLoaded(called, source, wrong)
    plugin = kind()
    jobs, schedules, actions = tuple(plugin.jobs()), tuple(plugin.schedules()), tuple(plugin.actions())
    pages = tuple(plugin.pages())
    wrong = wrong_work(jobs, schedules) or wrong_actions(actions) or wrong_pages(pages)
    if wrong:
        raise NotLoaded(called, source, wrong)
    return Loaded(plugin, source, module, jobs, schedules, actions, pages)


def _named_apart(plugins: Iterable[Loaded]) -> Iterator[Loaded]:
    """The plugins. Raises NotLoaded for two with one name."""
    seen: dict[str, Loaded] = {}
    for one in plugins:
        other = seen.setdefault(one.plugin.name, one)
        if other is not one:
            raise NotLoaded(one.plugin.name, one.source, f"another plugin has its name: {other.source}")
        yield one
