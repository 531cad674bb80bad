"""The ids of fields that are here already, made PocketBase's before the two are compared. Pure.

Every server begins with a collection for users. Its fields are those that PocketBase's has, under ids that may be
others; under the same ids they are changed, and not dropped and made anew.
"""

from collections.abc import Iterable

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.pocketbase.definitions import OWN
from holdfast.pocketbase.source_collection import SourceCollection
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.names import MAX_FIELD_ID_CHARS, id_problem
from holdfast.schema.relation import RelationField


def with_adopted_ids(catalog: Catalog, sources: Iterable[SourceCollection]) -> Catalog:
    """The catalog, in which collections that are to come for the first time have the ids of PocketBase's fields."""
    coming = {one.id: one for one in sources if not one.is_view and one.name not in OWN}
    collections = [_adopted(one, coming[one.id]) if one.id in coming else one for one in catalog.collections]
    if tuple(collections) == catalog.collections:
        return catalog
    return Catalog.of(catalog.version, collections, catalog.roles, catalog.options, catalog.plugins)


def _adopted(collection: Collection, source: SourceCollection) -> Collection:
    named = {str(one.get("name")): one for one in source.fields}
    ids = {str(one.get("id")) for one in source.fields}
    taken = {field.id for field in collection.fields}

    def adopted(field: Field) -> Field:
        there = named.get(field.name, {})
        id = str(there.get("id", ""))
        if there.get("type") != field.type or id in taken or field.id in ids or _is_hung(field):
            return field
        return field if id_problem(id, MAX_FIELD_ID_CHARS) is not None else msgspec.structs.replace(field, id=id)

    return msgspec.structs.replace(collection, fields=tuple(adopted(field) for field in collection.fields))


def _is_hung(field: Field) -> bool:
    """Whether indexes or triggers in the database are called by the field's id."""
    return field.unique or isinstance(field, FileField | RelationField)
