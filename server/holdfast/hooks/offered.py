"""A record action as a process offers it: whose it is, for which collections, and how it is called."""

import msgspec

from holdfast.hooks.table import Called
from holdfast.plugin_action import RecordAction
from holdfast.schema.collection import Collection


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """An action of a plugin that is on. `name` is PLUGIN.NAME; `collections` is None where it is for all."""

    name: str
    plugin: str
    action: RecordAction
    called: Called
    collections: frozenset[str] | None

    def is_for(self, collection: Collection) -> bool:
        """Whether it can be done to records of a collection."""
        if collection.is_view:
            return False
        return not collection.system if self.collections is None else collection.name in self.collections
