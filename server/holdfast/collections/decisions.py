"""What each request makes of the collections as they are. Pure: catalog in, collections out."""

from collections.abc import Mapping
from typing import Any, cast

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.change import Decide, Decision
from holdfast.collections.fills import FillKey, given_fills
from holdfast.collections.mishap import Places
from holdfast.errors import BadRequest, Problem, ValidationFailed
from holdfast.schema.collection import Collection
from holdfast.schema.reading import Missing, read_collection, read_collections
from holdfast.schema.system import system_collections


def creation(given: Mapping[str, Any]) -> Decide:
    """One more collection."""

    def decide(now: Catalog) -> Decision:
        made = read_collection(given, existing=None, others=now.collections)
        return Decision((*now.collections, made), Places(fields=_field_places(given, made)))

    return decide


def update(id_or_name: str, given: Mapping[str, Any]) -> Decide:
    """The collection with the keys that are given. Raises NotFound."""

    def decide(now: Catalog) -> Decision:
        existing = now.get(id_or_name)
        changed = read_collection(given, existing=existing, others=now.collections)
        collections = tuple(changed if one.id == existing.id else one for one in now.collections)
        fills = given_fills(given, changed)
        return Decision(collections, Places(fields=_field_places(given, changed)), fills=fills)

    return decide


def deletion(id_or_name: str) -> Decide:
    """All collections but this one. Raises NotFound."""

    def decide(now: Catalog) -> Decision:
        gone = now.get(id_or_name)
        return Decision(tuple(one for one in now.collections if one.id != gone.id))

    return decide


def importing(given: Mapping[str, Any]) -> Decide:
    """Many collections at once; with `deleteMissing` they are all that there are, or their fields are."""
    listed = given.get("collections")
    # An empty list with deleteMissing would be the end of everything, and is nearly always a mistake.
    if not isinstance(listed, list) or not listed:
        raise ValidationFailed({"collections": Problem("validation_required", "Must be a list of collections.")})
    missing = _missing(given.get("deleteMissing", False))
    collections = cast(list[Any], listed)

    def decide(now: Catalog) -> Decision:
        after = read_collections(collections, existing=now.collections, missing=missing)
        places, fills = _places(collections, after)
        return Decision(after, places, fills=fills)

    return decide


def _missing(asked: object) -> Missing:
    match asked:
        case False:
            return "stay"
        case "fields":
            return "fields go"
        case True:
            return "go"
        case _:
            wrong = Problem("validation_invalid_value", 'Must be true, false or "fields".')
            raise ValidationFailed({"deleteMissing": wrong})


def _places(listed: list[Any], after: tuple[Collection, ...]) -> tuple[Places, dict[FillKey, str]]:
    """Where in the import each collection is, and each of its fields; and what new fields are filled with."""
    known = {one.name.lower(): one for one in after} | {one.id: one for one in after}
    paths: dict[str, tuple[str, ...]] = {}
    fields: dict[tuple[str, str], str] = {}
    fills: dict[FillKey, str] = {}
    for at, item in enumerate(listed):
        given = cast(Mapping[str, Any], item)
        for key in (given.get("id"), str(given.get("name", "")).lower()):
            found = known.get(key) if isinstance(key, str) else None
            if found is not None and found.id not in paths:
                paths[found.id] = ("collections", str(at))
                fields |= _field_places(given, found)
                fills |= given_fills(given, found, paths[found.id])
    return Places(paths, fields), fills


def _field_places(given: Mapping[str, Any], collection: Collection) -> dict[tuple[str, str], str]:
    """The place in the request's list of each field that is in it, by its place in the collection."""
    listed = cast(list[Mapping[str, Any]], given.get("fields") or [])
    asked = {str(item.get("name", "")): str(at) for at, item in enumerate(listed)}
    return {
        (collection.id, str(place)): asked[field.name]
        for place, field in enumerate(collection.fields)
        if field.name in asked
    }


def of_request(given: Mapping[str, Any]) -> Decide:
    """What a plan is asked for: an import, or one request as `method`, `collection` and `body`."""
    method = given.get("method")
    if method is None:
        return importing(given)
    body: object = given.get("body", {})
    name: object = given.get("collection", "")
    if not isinstance(body, Mapping) or not isinstance(name, str):
        raise BadRequest("`collection` has to be an id or a name, and `body` the JSON object that would be sent.")
    changes = cast(Mapping[str, Any], body)
    match method:
        case "POST":
            return creation(changes)
        case "PATCH":
            return update(name, changes)
        case "DELETE":
            return deletion(name)
        case "PUT":
            return importing(changes)
        case _:
            raise BadRequest("`method` has to be POST, PATCH, DELETE or PUT, as in the request that is planned.")


def missing_system_collections(now: Catalog) -> Decision:
    """All collections and those of the system that are not there yet.

    `users` is no system collection: it comes with a new database, and who deletes it is rid of it.
    """
    first = not now.collections
    missing = [one for one in system_collections() if one.id not in now.by_id and (first or one.system)]
    return Decision((*now.collections, *missing))
