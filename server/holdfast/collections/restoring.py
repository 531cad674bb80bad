"""What bringing something back makes of the collections: the trash and the catalog in, a decision out. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.back import Back, ReturningTable, ReturningValues
from holdfast.collections.convert import column_type
from holdfast.collections.sound_rules import with_sound_rules
from holdfast.collections.trash_rows import DroppedWhole
from holdfast.db.sql import inline
from holdfast.errors import BadRequest
from holdfast.schema.collection import Collection
from holdfast.schema.condition import InvalidIndex
from holdfast.schema.field import Field
from holdfast.schema.index import index_text
from holdfast.schema.index_reading import read_index, read_indexes
from holdfast.schema.json import JsonField
from holdfast.schema.relation import RelationField
from holdfast.schema.stored import field_from_builtins, from_stored
from holdfast.schema.system_fields import collection_id
from holdfast.schema.text import TextField


class Restoration(msgspec.Struct, frozen=True):
    """The collections as they will be, what comes back into them, and what the person has to know of it.

    `done` is what leaves the trash. `closed` are the rules that name what is not there any more, and are null now;
    `loosened` the relations whose target is gone for good, and whose ids are plain text now.
    """

    collection: str
    collections: tuple[Collection, ...]
    back: Back
    done: tuple[DroppedWhole, ...]
    closed: tuple[str, ...] = ()
    loosened: tuple[str, ...] = ()


def restoration(now: Catalog, trash: Sequence[DroppedWhole], wanted: DroppedWhole) -> Restoration:
    """Bring back something of the trash. Raises BadRequest, in a sentence, when something stands in the way."""
    match wanted.shown.kind:
        case "collection":
            return _collections(now, trash, wanted)
        case "field":
            return _field(now, wanted)
        case _:
            return _values(now, wanted)


def _collections(now: Catalog, trash: Sequence[DroppedWhole], wanted: DroppedWhole) -> Restoration:
    """A collection, and those that its relations point at where these are in the trash, too."""
    items = _with_targets(now, trash, wanted)
    known = now.by_id.keys() | {item.shown.collection_id for item in items}
    loosened: list[str] = []
    returning: list[Collection] = []
    tables: dict[str, ReturningTable] = {}
    for item in items:
        was = _collection_of(item)
        _check_free(now, was)
        fields = tuple(_loose(field, known) for field in was.fields)
        loosened += [f"{was.name}.{new.name}" for new in fields if new not in was.fields]
        collection = _with_free_id(now, msgspec.structs.replace(was, fields=fields, created="", updated=""))
        returning.append(collection)
        if item.table:
            tables[collection.id] = ReturningTable(item.table, was)
    collections, closed = with_sound_rules((*now.collections, *returning), {one.id for one in returning})
    return Restoration(returning[0].id, collections, Back(tables=tables), tuple(items), closed, tuple(loosened))


def _collection_of(item: DroppedWhole) -> Collection:
    return from_stored(item.definition["collection"])


def _with_targets(now: Catalog, trash: Sequence[DroppedWhole], wanted: DroppedWhole) -> list[DroppedWhole]:
    dropped: dict[str, DroppedWhole] = {}
    for item in trash:  # what was dropped last comes first
        if item.shown.kind == "collection":
            dropped.setdefault(item.shown.collection_id, item)
    found = {wanted.shown.collection_id: wanted}
    waiting = [wanted]
    while waiting:
        collection = _collection_of(waiting.pop())
        for field in () if collection.is_view else collection.fields:
            target = field.collection_id if isinstance(field, RelationField) else ""
            if target in dropped and target not in found and target not in now.by_id:
                found[target] = dropped[target]
                waiting.append(dropped[target])
    return list(found.values())


def _with_free_id(now: Catalog, collection: Collection) -> Collection:
    """The collection itself, or with another id where one that was made since has its own: ids are made of names."""
    id, number = collection.id, 1
    while id in now.by_id or id in now.by_name:
        number += 1
        id = collection_id(collection.type, f"{collection.name}_{number}")
    fields = [
        msgspec.structs.replace(field, collection_id=id)
        if isinstance(field, RelationField) and field.collection_id == collection.id
        else field
        for field in collection.fields
    ]
    return collection if id == collection.id else msgspec.structs.replace(collection, id=id, fields=tuple(fields))


def _check_free(now: Catalog, collection: Collection) -> None:
    names = {one.name.lower(): one.name for one in now.collections}
    taken = names.get(collection.name.lower())
    if taken is not None:
        raise BadRequest(f"There is another collection {taken} now: rename it first.")
    if collection.is_view:
        return
    for other in now.collections:
        clash = () if other.is_view else read_indexes(other).keys() & read_indexes(collection).keys()
        for index in clash:
            raise BadRequest(f"{other.name} has an index {index} now, like {collection.name}: rename it first.")


def _loose(field: Field, known: Any) -> Field:
    """The field itself, or plain text or JSON in place of a relation to a collection that is gone for good."""
    if not isinstance(field, RelationField) or field.collection_id in known:
        return field
    kind = JsonField if field.many else TextField
    return kind(
        id=field.id,
        name=field.name,
        hidden=field.hidden,
        presentable=field.presentable,
        help=field.help,
        unique=field.unique and not field.many,
    )


def _field(now: Catalog, wanted: DroppedWhole) -> Restoration:
    collection = _present(now, wanted)
    was = field_from_builtins(wanted.definition["field"])
    if was.id in collection.by_id:
        raise BadRequest(f"{collection.name} has this field already, as {collection.by_id[was.id].name}.")
    names = {field.name.lower(): field.name for field in collection.fields}
    taken = names.get(was.name.lower())
    if taken is not None:
        raise BadRequest(f"{collection.name} has another field {taken} now: rename it first.")
    field = _loose(was, now.by_id.keys())
    fields = list(collection.fields)
    fields.insert(min(wanted.definition["position"], len(fields)), field)
    changed = msgspec.structs.replace(collection, fields=tuple(fields))
    changed = _with_indexes(now, changed, wanted.definition)
    back = Back(values={(collection.id, field.id): ReturningValues(wanted.table, was)})
    loosened = () if field == was else (f"{collection.name}.{field.name}",)
    return Restoration(collection.id, _replaced(now, changed), back, (wanted,), loosened=loosened)


def _with_indexes(now: Catalog, collection: Collection, definition: Mapping[str, Any]) -> Collection:
    """The collection with the indexes that the field had, as far as their names are free and their fields there."""
    taken = {name for one in now.collections if not one.is_view for name in read_indexes(one)}
    taken |= now.by_name.keys()
    indexes = list(collection.indexes)
    was: Mapping[str, str] = definition.get("names", {})
    renamed = {old: collection.by_id[id].name for old, id in was.items() if id in collection.by_id}
    for statement in definition["indexes"]:
        try:
            index = read_index(statement, collection.by_name, old_names=renamed)
        except InvalidIndex:
            continue  # another field of it is gone, too
        if index.name not in taken:
            indexes.append(index_text(index, collection.name))
    searchable = collection.searchable
    name = definition["field"]["name"]
    if definition["searchable"] and name not in searchable:
        searchable = (*searchable, name)
    return msgspec.structs.replace(collection, indexes=tuple(indexes), searchable=searchable)


def _values(now: Catalog, wanted: DroppedWhole) -> Restoration:
    collection = _present(now, wanted)
    old = field_from_builtins(wanted.definition["old"])
    made = field_from_builtins(wanted.definition["new"])
    present = collection.by_id.get(old.id)
    if present is None:
        raise BadRequest(f"{collection.name} has no field {old.name} any more: bring that back first.")
    if _type(present) != _type(made):
        raise BadRequest(
            f"{collection.name}.{present.name} was changed again since: it is {present.type} now, and these values "
            f"were lost when it became {made.type}. Bring back what the later change lost, or change it back, first."
        )
    field = _loose(msgspec.structs.replace(old, name=present.name), now.by_id.keys())
    fields = tuple(field if one.id == field.id else one for one in collection.fields)
    changed = msgspec.structs.replace(collection, fields=fields)
    back = Back(values={(collection.id, field.id): ReturningValues(wanted.table, old, made=True)})
    loosened = () if field.type == old.type else (f"{collection.name}.{field.name}",)
    return Restoration(collection.id, _replaced(now, changed), back, (wanted,), loosened=loosened)


def _type(field: Field) -> tuple[str, str, str]:
    target = field.collection_id if isinstance(field, RelationField) else ""
    return field.type, inline(column_type(field)), target


def _present(now: Catalog, wanted: DroppedWhole) -> Collection:
    collection = now.by_id.get(wanted.shown.collection_id)
    if collection is None:
        raise BadRequest(f"The collection {wanted.shown.collection_name} is not there: bring that back first.")
    return collection


def _replaced(now: Catalog, changed: Collection) -> tuple[Collection, ...]:
    return tuple(changed if one.id == changed.id else one for one in now.collections)
