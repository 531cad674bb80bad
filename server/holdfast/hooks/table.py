"""The hooks that are to be called, by their names: made once, whenever the plugins or their settings change."""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from holdfast.hooks.origin import HookContext, Origin
from holdfast.plugin import Plugin

MakeContext: TypeAlias = Callable[[Origin], HookContext]


class Called(msgspec.Struct, frozen=True):
    """One hook of one plugin, and what makes the context that it is given."""

    plugin: str
    hook: str
    run: Callable[..., Coroutine[Any, Any, Any]]
    context: MakeContext
    seconds: float | None = None  # in place of the time that a hook has


Calls: TypeAlias = tuple[Called, ...]


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Of each hook, who is called, in order."""

    record_before_validate: Calls = ()
    record_after_validate: Calls = ()
    record_before_create: Calls = ()
    record_after_create: Calls = ()
    record_before_update: Calls = ()
    record_after_update: Calls = ()
    record_before_delete: Calls = ()
    record_after_delete: Calls = ()
    record_after_commit: Calls = ()
    record_changed: Calls = ()
    record_before_list: Calls = ()
    record_after_list: Calls = ()
    record_before_view: Calls = ()
    record_after_view: Calls = ()
    record_before_aggregate: Calls = ()
    record_after_aggregate: Calls = ()
    file_before_upload: Calls = ()
    file_after_upload: Calls = ()
    file_before_serve: Calls = ()
    auth_before_login: Calls = ()
    auth_after_login: Calls = ()
    auth_before_sign_up: Calls = ()
    auth_after_sign_up: Calls = ()
    auth_map_oauth2: Calls = ()
    auth_token_claims: Calls = ()
    realtime_before_subscribe: Calls = ()
    realtime_before_send: Calls = ()
    mail_before_send: Calls = ()
    schema_before_change: Calls = ()
    schema_after_change: Calls = ()
    settings_changed: Calls = ()
    startup: Calls = ()
    shutdown: Calls = ()
    creates: bool = False
    updates: bool = False
    deletes: bool = False
    lists: bool = False
    aggregates: bool = False


NO_HOOKS: Final = Hooks()
HOOKS: Final = tuple(
    name for name, member in vars(Plugin).items() if inspect.iscoroutinefunction(member) and not name.startswith("_")
)
"""The names of all hooks."""


def overridden(plugin: Plugin) -> tuple[str, ...]:
    """The hooks that a plugin has."""
    return tuple(name for name in HOOKS if getattr(type(plugin), name) is not getattr(Plugin, name))


def make_hooks(plugins: Iterable[tuple[Plugin, MakeContext]]) -> Hooks:
    """The hooks of these plugins, which are called in this order."""
    found: dict[str, list[Called]] = {name: [] for name in HOOKS}
    for plugin, context in plugins:
        for name in overridden(plugin):
            found[name].append(Called(plugin.name, name, getattr(plugin, name), context))
    calls: dict[str, Any] = {name: tuple(some) for name, some in found.items()}
    hooks = Hooks(**calls)
    checked = bool(
        hooks.record_before_validate
        or hooks.record_after_validate
        or hooks.record_after_commit
        or hooks.file_after_upload
    )
    return msgspec.structs.replace(
        hooks,
        creates=checked
        or bool(hooks.record_before_create or hooks.record_after_create)
        or bool(hooks.auth_before_sign_up or hooks.auth_after_sign_up),
        updates=checked or bool(hooks.record_before_update or hooks.record_after_update),
        deletes=bool(hooks.record_before_delete or hooks.record_after_delete or hooks.record_after_commit),
        lists=bool(hooks.record_before_list or hooks.record_after_list),
        aggregates=bool(hooks.record_before_aggregate or hooks.record_after_aggregate),
    )
