"""What is wrong with the class of a plugin, before one is made of it. Pure."""

import difflib
import inspect
import re
from typing import Any, Final

import msgspec

from holdfast.hooks.table import HOOKS
from holdfast.plugin import Plugin

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN: Final = ("auth", "system")  # event types of the server begin with them
_NEAR: Final = 0.85


def wrong_class(kind: type[Plugin]) -> str:
    """What is wrong, as the end of a sentence; empty if nothing."""
    return _wrong_name(kind) or _wrong_hooks(kind) or _wrong_settings(kind)


def _wrong_name(kind: type[Plugin]) -> str:
    name: object = getattr(kind, "name", None)
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        return "its `name` has to be small letters, digits and underscores, a letter first, at most 40"
    if name in TAKEN:
        return f"it cannot be called {name}: events of the server are"
    priority: Any = kind.priority
    if isinstance(priority, bool) or not isinstance(priority, int):
        return "its `priority` has to be a whole number"
    return ""


def _wrong_hooks(kind: type[Plugin]) -> str:
    for name in HOOKS:
        own, known = getattr(kind, name), getattr(Plugin, name)
        if own is known:
            continue
        if not inspect.iscoroutinefunction(own):
            return f"its {name} has to be an `async def`"
        if not _takes(own, len(inspect.signature(known).parameters)):
            return f"its {name} has to take {', '.join(inspect.signature(known).parameters)}"
    return _misspelt(kind)


def _takes(function: Any, count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


def _misspelt(kind: type[Plugin]) -> str:
    """An `async def` that nobody would call, and that is nearly called like a hook."""
    for name, member in vars(kind).items():
        if hasattr(Plugin, name) or name.startswith("_") or not inspect.iscoroutinefunction(member):
            continue
        near = difflib.get_close_matches(name, HOOKS, n=1, cutoff=_NEAR)
        if near:
            return f"there is no hook {name}; perhaps {near[0]} was meant"
    return ""


def _wrong_settings(kind: type[Plugin]) -> str:
    settings: Any = kind.Settings
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        return "its `Settings` have to be a msgspec struct"
    missing = [field.name for field in msgspec.structs.fields(settings) if field.required]
    if missing:
        return f"its settings have no default for {missing[0]}"
    try:
        msgspec.json.schema(settings)
    except TypeError as failure:
        return f"its settings cannot be written as JSON: {failure}"
    return ""
