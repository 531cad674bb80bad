"""What an operator sets about plugins, changed as one transaction and known to every process when it returns."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target, changed
from holdfast.audit.write import write
from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections.change import lock, retried, settle
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.plugins.hosting import is_enabled
from holdfast.plugins.loading import Loaded
from holdfast.plugins.settings_problem import INVALID, settings_problem
from holdfast.schema.plugin_state import PluginState

_AS_SET: Final = PluginState()


def state_of(catalog: Catalog, plugin: str) -> PluginState:
    """What is set about a plugin."""
    return catalog.plugins.get(plugin, _AS_SET)


async def change_state(engine: Engine, author: Author, loaded: Loaded, given: Mapping[str, Any]) -> None:
    """Turn a plugin on or off, or give it another place. Raises ValidationFailed."""
    problems: dict[str, Problem] = {}
    enabled, priority = given.get("enabled"), given.get("priority")
    if "enabled" in given and not isinstance(enabled, bool):
        problems["enabled"] = Problem(INVALID, "Must be true or false.")
    if priority is not None and (isinstance(priority, bool) or not isinstance(priority, int)):
        problems["priority"] = Problem(INVALID, "Must be a whole number, or null for the plugin's own.")
    problems |= _unknown(given, ("enabled", "priority"))
    if problems:
        raise ValidationFailed(problems)
    kept = {name: given[name] for name in ("enabled", "priority") if name in given}
    await _change(engine, author, loaded, lambda state: msgspec.structs.replace(state, **kept))


async def change_settings(engine: Engine, author: Author, loaded: Loaded, given: Mapping[str, Any]) -> None:
    """Change the settings that are given and leave the rest. Raises ValidationFailed."""

    def changed_state(state: PluginState) -> PluginState:
        settings = {**state.settings, **given}
        _check(loaded.plugin.Settings, settings, given)
        return msgspec.structs.replace(state, settings=settings)

    await _change(engine, author, loaded, changed_state)


def _check(kind: type[msgspec.Struct], settings: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for settings that do not fit, each that was given looked at on its own."""
    problems: dict[str, Problem | Problems] = {}
    problems |= _unknown(given, tuple(field.encode_name for field in msgspec.structs.fields(kind)))
    for name in given.keys() - problems.keys():
        try:
            msgspec.convert({name: given[name]}, kind)
        except (msgspec.ValidationError, ValueError, TypeError) as failure:
            problems[name] = settings_problem(name, str(failure))
    if not problems:
        try:
            msgspec.convert(dict(settings), kind)
        except (msgspec.ValidationError, ValueError, TypeError) as failure:
            first = next(iter(given), "settings")
            problems[first] = settings_problem(first, str(failure))
    if problems:
        raise ValidationFailed(problems)


def _unknown(given: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Problem]:
    message = f"There is no such setting, but {', '.join(known) or 'none at all'}."
    return {name: Problem("validation_unknown", message) for name in given if name not in known}


async def _change(engine: Engine, author: Author, loaded: Loaded, change: Callable[[PluginState], PluginState]) -> None:
    name = loaded.plugin.name

    async def work(tx: Transaction) -> Catalog:
        await lock(tx, engine.settings)
        now = await store.load(tx.connection)
        before = state_of(now, name)
        after = change(before)
        if after == before:
            return now
        await store.write_plugins(tx, {**now.plugins, name: after})
        old, new = changed(_shown(loaded, before), _shown(loaded, after))
        # Their names alone: they may be passwords of other services.
        names = changed(before.settings, after.settings)[1]
        details = {"settings": sorted(names)} if names else None
        target = Target("plugin", name, name)
        entry = Entry(action="plugin.updated", target=target, before=old, after=new, details=details)
        await write(tx, author, entry)
        return await store.moved_on(tx)

    await settle(engine, await retried(engine.pool, engine.settings, work))


def _shown(loaded: Loaded, state: PluginState) -> Mapping[str, Any]:
    return {"enabled": is_enabled(loaded, state), "priority": state.priority}
