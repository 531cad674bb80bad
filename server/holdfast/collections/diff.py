"""What is different between the collections as they are and as they are to be. Pure: values in, values out.

Collections and fields are matched by their ids, so a new name is a rename and keeps the data.
"""

from functools import cached_property, partial

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.index import Index, index_text, rename_fields
from holdfast.schema.index_reading import read_index


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after."""

    old: Field
    new: Field


class TableChange(msgspec.Struct, frozen=True):
    """A collection before and after, both tables."""

    old: Collection
    new: Collection

    @property
    def added(self) -> tuple[Field, ...]:
        """The fields that come."""
        return tuple(field for field in self.new.fields if field.id not in self.old.by_id)

    @property
    def dropped(self) -> tuple[Field, ...]:
        """The fields that go."""
        return tuple(field for field in self.old.fields if field.id not in self.new.by_id)

    @property
    def kept(self) -> tuple[FieldChange, ...]:
        """The fields that stay, changed or not."""
        return tuple(
            FieldChange(self.old.by_id[field.id], field) for field in self.new.fields if field.id in self.old.by_id
        )


class Changes(msgspec.Struct, frozen=True, dict=True):
    """All of a change: `old` and `new` are the whole catalogs."""

    old: Catalog
    new: Catalog

    @property
    def created(self) -> tuple[Collection, ...]:
        """The tables that come."""
        return tuple(one for one in self.new.collections if not one.is_view and one.id not in self.old.by_id)

    @property
    def dropped(self) -> tuple[Collection, ...]:
        """The tables that go."""
        return tuple(one for one in self.old.collections if not one.is_view and one.id not in self.new.by_id)

    @cached_property
    def altered(self) -> tuple[TableChange, ...]:
        """The tables that stay and whose definition is another one."""
        found: list[TableChange] = []
        for new in self.new.collections:
            old = self.old.by_id.get(new.id)
            if old is not None and not new.is_view and old != new:
                found.append(TableChange(old, new))
        return tuple(found)

    @cached_property
    def renamed(self) -> Catalog:
        """The old catalog under the new names: what PostgreSQL makes of it when tables and columns are renamed."""
        renamed = [_renamed(one, self.new.by_id.get(one.id)) for one in self.old.collections]
        return Catalog.of(self.old.version, renamed, self.old.roles)


def _renamed(old: Collection, new: Collection | None) -> Collection:
    if new is None or new is old:
        return old
    # A field that goes may leave its name to another one: here it gets one that nobody else can have.
    names = {
        field.name: new.by_id[field.id].name if field.id in new.by_id else f"hf_gone_{field.id}" for field in old.fields
    }
    return msgspec.structs.replace(
        old,
        name=new.name,
        fields=tuple(msgspec.structs.replace(field, name=names[field.name]) for field in old.fields),
        searchable=tuple(names[field] for field in old.searchable),
        indexes=tuple(
            index_text(rename_fields(index, names), new.name) for index in map(partial(_index, old), old.indexes)
        ),
    )


def _index(collection: Collection, statement: str) -> Index:
    return read_index(statement, collection.by_name)
