"""What can only be checked over all collections at once: names, ids, relations, indexes, cycles."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from holdfast.errors import Problem, Problems
from holdfast.schema.collection import Collection
from holdfast.schema.draft import Draft
from holdfast.schema.field import Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.relation import RelationField

Found = dict[str, Problem | Problems]


def check_together(
    drafts: Sequence[Draft],
    others: Iterable[Collection],
    aliases: Mapping[str, str] | None = None,
) -> tuple[list[Collection], dict[int, Found]]:
    """Hold the drafts against each other and against all other collections.

    Gives the collections, with relations to a collection's name turned into its id, and what is wrong with each
    draft by its place. `aliases` are ids by which the request calls collections that have another one.
    """
    unmoved = list(others)
    check = _Check(drafts, unmoved, aliases or {})
    collections = [check.resolved(at, draft) for at, draft in enumerate(drafts)]
    check.names()
    check.indexes(collections)
    if not check.problems:
        check.cycles(collections)
    return collections, check.problems


class _Check:
    """The checks one after the other, and what they found."""

    def __init__(self, drafts: Sequence[Draft], others: list[Collection], aliases: Mapping[str, str]) -> None:
        self._drafts = drafts
        self._others = others
        self._aliases = aliases
        everything = [*others, *(draft.collection for draft in drafts)]
        self._by_id = {collection.id: collection for collection in everything}
        self._by_name = {collection.name: collection for collection in everything}
        self.problems: dict[int, Found] = {}

    def _note(self, at: int, path: tuple[str, ...], problem: Problem) -> None:
        inner = self.problems.setdefault(at, {})
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
            assert isinstance(inner, dict)
        inner[path[-1]] = problem

    def _field_path(self, at: int, field: Field, option: str) -> tuple[str, ...]:
        draft = self._drafts[at]
        ids = [one.id for one in draft.collection.fields]
        return ("fields", str(draft.positions.get(field.id, ids.index(field.id))), option)

    def names(self) -> None:
        """Names and ids that another collection has."""
        names = {other.name.lower(): other.name for other in self._others}
        ids = {other.id for other in self._others}
        for at, draft in enumerate(self._drafts):
            collection = draft.collection
            if collection.name.lower() in names:
                message = f"There is another collection {names[collection.name.lower()]}."
                self._note(at, ("name",), Problem("validation_collection_name_exists", message))
            elif any(collection.name == id for id in self._by_id if id != collection.id):
                message = "This is the id of another collection."
                self._note(at, ("name",), Problem("validation_collection_name_id_duplicate", message))
            if collection.id in ids:
                self._note(at, ("id",), Problem("validation_not_unique", "Another collection has that id."))
            elif self._by_name.get(collection.id, collection).id != collection.id:
                # A path names a collection by id or by name: DELETE of the one would delete the other.
                message = "This is the name of another collection."
                self._note(at, ("id",), Problem("validation_collection_name_id_duplicate", message))
            names[collection.name.lower()] = collection.name
            ids.add(collection.id)

    def resolved(self, at: int, draft: Draft) -> Collection:
        """The collection with the ids of its relations' targets, whether the request named them by id or by name."""
        fields: list[Field] = []
        for field in draft.collection.fields:
            if isinstance(field, RelationField) and not draft.collection.is_view:
                field = self._pointing(at, draft.collection, field)
            fields.append(field)
        return msgspec.structs.replace(draft.collection, fields=tuple(fields))

    def _pointing(self, at: int, collection: Collection, field: RelationField) -> RelationField:
        given = self._aliases.get(field.collection_id, field.collection_id)
        target = self._by_id.get(given) or self._by_name.get(given)
        path = self._field_path(at, field, "collectionId")
        if target is None:
            message = f"There is no collection {given[:100]}."
            self._note(at, path, Problem("validation_field_relation_missing_collection", message))
            return field
        if target.is_view:
            message = f"{target.name} is a view: PostgreSQL can only keep relations to tables whole."
            self._note(at, path, Problem("validation_field_relation_view_collection", message))
        return msgspec.structs.replace(field, collection_id=target.id)

    def indexes(self, collections: Sequence[Collection]) -> None:
        """Names of indexes that something else has: tables and indexes share one space of names in PostgreSQL."""
        taken = {collection.name: f"the collection {collection.name}" for collection in self._by_id.values()}
        for other in self._others:
            taken.update({name: f"an index of {other.name}" for name in _index_names(other)})
        for at, collection in enumerate(collections):
            for place, name in enumerate(_index_names(collection)):
                if name in taken:
                    message = f"{name} is already the name of {taken[name]}."
                    path = ("indexes", str(place))
                    self._note(at, path, Problem("validation_existing_index_name", message))
                taken[name] = f"an index of {collection.name}"

    def cycles(self, collections: Sequence[Collection]) -> None:
        """Required relations that lead back to where they start: no first record could ever be made."""
        everything = {other.id: other for other in self._others}
        everything.update({collection.id: collection for collection in collections})
        for at, collection in enumerate(collections):
            for field in _required(collection):
                way = _way(everything, field.collection_id, collection.id)
                if way is None:
                    continue
                cycle = " → ".join((f"{collection.name}.{field.name}", *way, collection.name))
                message = f"These required relations go in a circle, so no first record could be made: {cycle}."
                path = self._field_path(at, field, "required")
                self._note(at, path, Problem("validation_required_relation_cycle", message))


def _index_names(collection: Collection) -> list[str]:
    return list(read_indexes(collection)) if not collection.is_view else []


def _required(collection: Collection) -> list[RelationField]:
    if collection.is_view:
        return []
    return [field for field in collection.fields if isinstance(field, RelationField) and field.required]


def _way(collections: Mapping[str, Collection], start: str, end: str) -> tuple[str, ...] | None:
    """The required relations (`posts.author`) that lead from one collection to another; None if none do."""
    ways: dict[str, tuple[str, ...]] = {start: ()}
    waiting = [start]
    while waiting:
        here = waiting.pop(0)
        if here == end:
            return ways[here]
        collection = collections.get(here)
        for field in _required(collection) if collection is not None else ():
            if field.collection_id not in ways and collection is not None:
                ways[field.collection_id] = (*ways[here], f"{collection.name}.{field.name}")
                waiting.append(field.collection_id)
    return None
