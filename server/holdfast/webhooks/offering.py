"""What webhooks can ask for, and what they get: types of events, and when a delivery is tried."""

from typing import Any, Final

from holdfast.engine import Engine
from holdfast.webhooks.event_types import CHANGES
from holdfast.webhooks.schedule import SPREAD, WAITS
from holdfast.webhooks.service import OTHERS

_EVERYTHING_OF: Final = ".*"


def offer(engine: Engine) -> dict[str, Any]:
    """The types of events by what they are about, and the schedule of tries."""
    having = [one for one in engine.catalog.collections if one.events and not one.is_view]
    collections = [one.name for one in sorted(having, key=lambda one: one.system)]  # people's own come first
    of_collections = [
        {"about": name, "kind": "collection", "types": [f"{name}.{change}" for change in CHANGES]}
        for name in collections
    ]
    of_server = [
        {"about": about, "kind": "server", "types": [type for type in OTHERS if type.startswith(about + ".")]}
        for about in dict.fromkeys(type.partition(".")[0] for type in OTHERS)
    ]
    of_plugins = [
        {"about": name, "kind": "plugin", "types": [name + _EVERYTHING_OF]} for name in sorted(engine.host.names)
    ]
    return {"groups": [*of_collections, *of_server, *of_plugins], "waits": list(WAITS), "spread": SPREAD}
