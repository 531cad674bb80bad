"""A collection as the API shows it to superusers: PocketBase's keys and ours, and no secret."""

from typing import Any, Final, cast

import msgspec

from holdfast.schema.collection import Collection
from holdfast.schema.stored import field_to_builtins

_RULES: Final = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
_SECRETS: Final = frozenset(("secret", "clientSecret"))


def collection_json(collection: Collection) -> dict[str, Any]:
    """The collection as an object that msgspec writes as JSON. Auth options stand beside the other keys."""
    definition = cast(dict[str, Any], msgspec.to_builtins(collection))
    shown: dict[str, Any] = {key: definition[key] for key in ("id", "name", "type", "system")}
    shown["fields"] = [field_to_builtins(field) for field in collection.fields]
    shown["indexes"] = list(collection.indexes)
    for rule in _RULES:
        shown[rule] = definition[rule]
    for key in ("events", "history", "historyDays", "searchable", "cacheTtl", "comment", "created", "updated"):
        shown[key] = definition[key]
    if collection.is_view:
        shown["viewQuery"] = collection.view_query
    if collection.is_auth:
        shown.update(_without_secrets(collection.auth))
    return shown


def collection_bytes(collection: Collection) -> bytes:
    """The same as compact JSON."""
    return msgspec.json.encode(collection_json(collection))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_secrets(inner) for key, inner in cast(dict[str, Any], value).items() if key not in _SECRETS
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(inner) for inner in cast(list[Any], value)]
    return value
