"""A version as the API writes it, under the names of today. Pure."""

from collections.abc import Mapping
from typing import Any

from holdfast.audit.naming import Person, called
from holdfast.events.context import Actor
from holdfast.events.remembering import field_of
from holdfast.history.version import ALL, State, Version
from holdfast.schema.collection import Collection


def labels(collection: Collection, names: Mapping[str, str]) -> dict[str, str]:
    """What the fields of a version are called, by their forms: as today, or as then if they are gone.

    One whose name another field has taken since goes by name and id.
    """
    found: dict[str, str] = {}
    for form, name in names.items():
        id = field_of(form)
        now = collection.by_id.get(id)
        found[form] = now.name if now is not None else f"{name}:{id}" if name in collection.by_name else name
    return found


def version_json(
    version: Version, collection: Collection, readable: frozenset[str] | None, names: Mapping[Person, str]
) -> dict[str, Any]:
    """The version for somebody who may read the fields of these ids, or all fields if that is None.

    Only who may read everything learns by which name and which key somebody has changed a record. `names` are those
    of the accounts that have.
    """
    told = {
        form: label
        for form, label in labels(collection, version.names).items()
        if readable is None or field_of(form) in readable
    }
    changed: dict[str, Any] = {}
    if version.action == "updated" and version.after is not None:
        changed = {
            told[form]: {"before": value, "after": version.after.get(form)}
            for form, value in version.before.items()
            if form in told
        }
    return {
        "version": version.id,
        "seq": version.seq,
        "at": version.at,
        "action": version.action,
        "actor": _actor(version.context.actor, names if readable is None else None),
        "requestId": version.context.request,
        "changed": changed,
        "redacted": _redacted(version, told),
        "record": None if version.after is None else _record(version.after, collection, told),
    }


def _record(after: State, collection: Collection, told: Mapping[str, str]) -> dict[str, Any]:
    head = {"collectionId": collection.id, "collectionName": collection.name}
    return {**head, **{told[form]: value for form, value in after.items() if form in told}}


def _redacted(version: Version, told: Mapping[str, str]) -> list[str]:
    if ALL in version.redacted:
        return [ALL]
    return sorted(label for form, label in told.items() if version.lost(form))


def _actor(actor: Actor | None, names: Mapping[Person, str] | None) -> dict[str, str] | None:
    if actor is None:
        return None
    found = {"kind": actor.kind, "collection": actor.collection, "id": actor.id}
    return found if names is None else called({**found, "name": actor.name, "key": actor.key}, names)
