"""The plugins of one process: which are on, with which settings, and the hooks that follow from that."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from typing_extensions import override

from holdfast.catalog.snapshot import Catalog
from holdfast.db.cannot_start import CannotStart
from holdfast.engine import Engine
from holdfast.errors import ApiError, PluginFailed
from holdfast.hooks.blocking import Watch
from holdfast.hooks.calling import call_one, call_quietly, tell
from holdfast.hooks.host import Host
from holdfast.hooks.offered import Offered
from holdfast.hooks.origin import NOWHERE, HookContext, Origin
from holdfast.hooks.table import NO_HOOKS, Called, make_hooks
from holdfast.identity import Principal
from holdfast.jobs.cron import Recurring
from holdfast.jobs.job import JobKind
from holdfast.plugin import Job, Plugin, SettingsChange
from holdfast.plugins.context import context_maker
from holdfast.plugins.loading import Loaded
from holdfast.plugins.offering import offered_of
from holdfast.plugins.work import as_job, full_name, kind_of, recurring_of
from holdfast.schema.plugin_state import PluginState

_AS_SET: Final = PluginState()
_log: Final = structlog.get_logger("holdfast.plugins")


class Active(msgspec.Struct, frozen=True):
    """A plugin that is on, and its settings."""

    loaded: Loaded
    settings: msgspec.Struct

    @property
    def plugin(self) -> Plugin:
        """It."""
        return self.loaded.plugin


class Plugins(Host):
    """Holds the plugins that were loaded; `engine.hooks` are those of them that are on and have started."""

    def __init__(self, loaded: Sequence[Loaded]) -> None:
        super().__init__()
        self._take(tuple(loaded))
        self.active: tuple[Active, ...] = ()
        self._started: frozenset[str] = frozenset()
        self._failed: dict[str, str] = {}
        self._states: Mapping[str, PluginState] = {}
        self._engine: Engine | None = None
        self._watch: Watch | None = None
        self._turn = asyncio.Lock()
        self._moved = asyncio.Event()
        self._changes: list[tuple[Loaded, SettingsChange]] = []

    @property
    def engine(self) -> Engine:
        """The engine, once the plugins run."""
        if self._engine is None:
            raise RuntimeError("the plugins do not run")
        return self._engine

    def find(self, name: str) -> Loaded | None:
        """The plugin of this name."""
        return next((one for one in self.loaded if one.plugin.name == name), None)

    def failed(self, name: str, reason: str = "") -> None:
        """Keep why a plugin could not be started or loaded anew; an empty reason: it could."""
        self._failed.pop(name, None)
        if reason:
            self._failed[name] = reason

    @override
    def is_awaited(self, plugin: str) -> bool:
        wanted = any(one.plugin.name == plugin for one in self._wanted())
        return wanted and plugin not in self._started and plugin not in self._failed

    def error_of(self, loaded: Loaded) -> str:
        """What is wrong with a plugin in this process, for operators; empty if nothing is."""
        try:
            msgspec.convert(self._state(loaded).settings, loaded.plugin.Settings)
        except (msgspec.ValidationError, ValueError, TypeError) as failure:
            return f"Its settings do not fit it, so it has its defaults: {failure}"
        return self._failed.get(loaded.plugin.name, "")

    async def start(self, engine: Engine) -> None:
        """Start those that are on. Raises CannotStart with the name and the reason."""
        self._engine = engine
        self._states = engine.catalog.plugins
        engine.live.tell(self._told)
        for one in self._wanted():
            try:
                await self._start_one(one)
            except (PluginFailed, ApiError, ValueError) as failure:
                raise CannotStart(_refusal(one.plugin.name, failure)) from failure
        if engine.settings.reload:
            self._look_after()

    def _look_after(self) -> None:
        """Notice plugins that block the event loop from now on."""
        if self._watch is None:
            self._watch = Watch(lambda: {one.module: one.plugin.name for one in self.loaded})
            self._watch.start()

    async def follow(self) -> None:
        """Start and stop plugins as they are turned on and off, until cancelled."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            await self.settle()

    async def settle(self) -> None:
        """Start those that were turned on, and end those that were turned off, if any still are not."""
        async with self._turn:
            await self._tell_changes()
            wanted = {one.plugin.name: one for one in self._wanted()}
            for name in sorted(self._started - wanted.keys()):
                await self._stop_one(name)
            for name, one in wanted.items():
                if name not in self._started:
                    await self._try_start(one)

    async def put(self, loaded: Loaded) -> None:
        """Take a plugin in the place of the one from the same source, if there is one."""
        await self.drop(loaded.source)
        async with self._turn:
            self._take((*self.loaded, loaded))
            self.failed(loaded.plugin.name)
        await self.settle()

    async def drop(self, source: str) -> None:
        """Take away the plugin that came from there, if there is one."""
        async with self._turn:
            gone = [one for one in self.loaded if one.source == source]
            for one in gone:
                if one.plugin.name in self._started:
                    await self._stop_one(one.plugin.name)
            self._take(tuple(one for one in self.loaded if one not in gone))

    async def close(self) -> None:
        """End all of them, the last first."""
        if self._watch is not None:
            self._watch.stop()
        for one in reversed(self.active):
            await self._stop_one(one.plugin.name)

    def _take(self, loaded: tuple[Loaded, ...]) -> None:
        self.loaded = loaded
        self.names = tuple(one.plugin.name for one in loaded)
        self.jobs = {full_name(one.plugin.name, job.name): job for one in loaded for job in jobs_of(one)}

    def _told(self, catalog: Catalog) -> None:
        if catalog.plugins != self._states:
            before = {one.plugin.name: one.settings for one in self.active}
            self._states = catalog.plugins
            self._resolve()
            for one in self.active:
                old = before.get(one.plugin.name)
                if old is not None and old != one.settings:
                    self._changes.append((one.loaded, SettingsChange(old, one.settings)))
            self._moved.set()

    async def _tell_changes(self) -> None:
        """Tell plugins that their settings have changed."""
        changes, self._changes = self._changes, []
        for loaded, change in changes:
            if type(loaded.plugin).settings_changed is not Plugin.settings_changed:
                called = self.called(loaded, "settings_changed")
                await call_quietly((called,), self.origin(loaded.plugin.name), change)

    def _state(self, loaded: Loaded) -> PluginState:
        return self._states.get(loaded.plugin.name, _AS_SET)

    def _wanted(self) -> list[Loaded]:
        """Those that are to be on, in their order."""
        return sorted((one for one in self.loaded if is_enabled(one, self._state(one))), key=self._place)

    def _place(self, loaded: Loaded) -> tuple[int, str]:
        priority = self._state(loaded).priority
        return (loaded.plugin.priority if priority is None else priority, loaded.plugin.name)

    def _resolve(self) -> None:
        """Make the hooks anew, of those that are on and have started."""
        self.active = tuple(self._activated(one) for one in self._wanted() if one.plugin.name in self._started)
        engine = self.engine
        makers = [(one.plugin, context_maker(engine, one.plugin.name, one.settings)) for one in self.active]
        self.hooks = make_hooks(makers) if makers else NO_HOOKS
        self.kinds = {kind.name: kind for one in self.active for kind in self._kinds(one)}
        self.recurring = {one.id: one for active in self.active for one in _recurring(active)}
        self.actions = {one.name: one for active in self.active for one in self._offered(active)}

    def _kinds(self, one: Active) -> list[JobKind]:
        name = one.plugin.name
        make = context_maker(self.engine, name, one.settings)
        return [kind_of(name, job, make) for job in jobs_of(one.loaded)]

    def _offered(self, one: Active) -> list[Offered]:
        name = one.plugin.name
        make = context_maker(self.engine, name, one.settings)
        return [offered_of(name, action, one.settings, make) for action in one.loaded.actions]

    def _activated(self, loaded: Loaded) -> Active:
        return Active(loaded, self.settings_of(loaded))

    def settings_of(self, loaded: Loaded) -> msgspec.Struct:
        """The settings of a plugin; its defaults where what is set does not fit it, which is logged."""
        kind = loaded.plugin.Settings
        try:
            return msgspec.convert(self._state(loaded).settings, kind)
        except (msgspec.ValidationError, ValueError, TypeError) as failure:
            name = loaded.plugin.name
            _log.error("the settings of a plugin do not fit it: it has its defaults", plugin=name, reason=str(failure))
            return kind()

    def context(self, loaded: Loaded, origin: Origin) -> HookContext:
        """A context for a plugin outside of its hooks. Whoever makes it calls its `leave`."""
        return context_maker(self.engine, loaded.plugin.name, self.settings_of(loaded))(origin)

    def origin(self, plugin: str) -> Origin:
        """For what a plugin is called where nobody asks."""
        return msgspec.structs.replace(NOWHERE, who=Principal("plugin", name=plugin))

    def called(self, loaded: Loaded, hook: str) -> Called:
        """One hook of one plugin, which need not have started."""
        plugin = loaded.plugin
        make = context_maker(self.engine, plugin.name, self.settings_of(loaded))
        return Called(plugin.name, hook, getattr(plugin, hook), make)

    async def _start_one(self, loaded: Loaded) -> None:
        name = loaded.plugin.name
        self._look_after()
        if type(loaded.plugin).startup is not Plugin.startup:
            await call_one(self.called(loaded, "startup"), self.origin(name))
        self._started |= {name}
        self.failed(name)
        self._resolve()
        _log.info("a plugin has started", plugin=name, source=loaded.source)

    async def _try_start(self, loaded: Loaded) -> None:
        try:
            await self._start_one(loaded)
        except Exception as failure:
            self.failed(loaded.plugin.name, failure.reason if isinstance(failure, PluginFailed) else str(failure))
            tell(self.called(loaded, "startup"), failure)

    async def _stop_one(self, name: str) -> None:
        loaded = self.find(name)
        self._started -= {name}
        self.failed(name)
        self._resolve()
        if loaded is None or type(loaded.plugin).shutdown is Plugin.shutdown:
            return
        called = self.called(loaded, "shutdown")
        try:
            await call_one(called, self.origin(name))
        except Exception as failure:
            tell(called, failure)


def is_enabled(loaded: Loaded, state: PluginState) -> bool:
    """Whether a plugin is to be on."""
    return loaded.is_on if state.enabled is None else state.enabled


def jobs_of(loaded: Loaded) -> tuple[Job[Any], ...]:
    """The jobs of a plugin, those of its schedules among them."""
    return (*loaded.jobs, *map(as_job, loaded.schedules))


def _recurring(one: Active) -> list[Recurring]:
    found = [recurring_of(one.plugin.name, schedule, one.settings) for schedule in one.loaded.schedules]
    return [recurring for recurring in found if recurring is not None]


def _refusal(name: str, failure: Exception) -> str:
    reason: Any = failure.reason if isinstance(failure, PluginFailed) else f"The plugin {name} did not start: {failure}"
    return f"{reason} Repair it, or start with --skip-plugin {name}."
