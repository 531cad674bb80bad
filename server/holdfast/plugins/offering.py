"""The record actions of a plugin as a process offers them, with the settings that the plugin has now."""

from typing import Any, Final

import msgspec
import structlog

from holdfast.hooks.offered import Offered
from holdfast.hooks.table import Called, MakeContext
from holdfast.plugin import RecordAction
from holdfast.plugins.action_soundness import are_names
from holdfast.plugins.work import full_name

_log: Final = structlog.get_logger("holdfast.plugins")


def offered_of(plugin: str, action: RecordAction, settings: msgspec.Struct, make_context: MakeContext) -> Offered:
    """An action as it is offered; to no collection, which is logged, where the settings give it none that can be."""
    return Offered(
        name=full_name(plugin, action.name),
        plugin=plugin,
        action=action,
        called=Called(plugin, f"the action {action.name}", action.run, make_context),
        collections=_collections(plugin, action, settings),
    )


def _collections(plugin: str, action: RecordAction, settings: msgspec.Struct) -> frozenset[str] | None:
    given = action.collections
    if given is None:
        return None
    try:
        found: Any = given(settings) if callable(given) else given
        if not are_names(found):
            raise TypeError(f"it gave {type(found).__name__}, where names of collections are expected")
    except Exception as failure:  # whatever the plugin's function raises
        _log.error("an action is not offered", plugin=plugin, action=action.name, reason=str(failure))
        return frozenset()
    return frozenset(found)
