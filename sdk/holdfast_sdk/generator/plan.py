"""A schema with everything named: what the files of a package are written from."""

from collections.abc import Iterable
from typing import Final

import msgspec

from holdfast_sdk.generator.kinds import Kind, kind_of
from holdfast_sdk.generator.names import PARTS, class_names, file_names, identifier, identifiers, pascal
from holdfast_sdk.runtime import exported
from holdfast_sdk.schema import Collection, Field, Schema

BUILTINS: Final = frozenset(("bool", "dict", "float", "int", "list", "object", "property", "self", "str", "type"))
MODULES: Final = frozenset(("annotations", "functools", "hf", "hf_models", "typing"))
OWN: Final = frozenset(("AsyncBatch", "AsyncClient", "Batch", "Client", "EVENTS", "Event", "read_event", "webhooks"))
CLIENT_MEMBERS: Final = frozenset(("aclose", "as_user", "batch", "close", "models", "request", "self", "who"))
RECORD_MEMBERS: Final = frozenset(("expand", "hf_etag", "hf_expand", "self"))


class PlannedField(msgspec.Struct, frozen=True):
    """A field, its attribute, its types, and the name for the values of a select."""

    field: Field
    attribute: str
    kind: Kind
    alias: str


class Relation(msgspec.Struct, frozen=True):
    """A way from a record to others: a relation, or one backwards. `target` is what their classes begin with."""

    name: str
    attribute: str
    target: str
    many: bool
    back: bool


class PlannedCollection(msgspec.Struct, frozen=True):
    """A collection, its attribute of a client, what its classes begin with, and the file they are in."""

    collection: Collection
    attribute: str
    base: str
    file: str
    fields: tuple[PlannedField, ...]
    relations: tuple[Relation, ...]

    @property
    def can_write(self) -> bool:
        """Whether it is no view."""
        return self.collection.type != "view"


def plan(schema: Schema) -> tuple[PlannedCollection, ...]:
    """Everything of a schema, named."""
    names = [collection.name for collection in schema.collections]
    taken = {*exported.__all__, *OWN, *MODULES}
    bases = class_names(names, taken)
    files = file_names(names)
    attributes = identifiers(names, CLIENT_MEMBERS | MODULES | BUILTINS)
    classes = {base + part for base in bases.values() for part in PARTS}
    aliases = _aliases(schema, bases, taken | classes)
    words = classes | MODULES | BUILTINS | set(aliases.values())
    backwards = _backwards(schema, bases)
    found: list[PlannedCollection] = []
    for collection in schema.collections:
        fields = _fields(collection, bases[collection.name], aliases, words)
        relations = (*_forwards(fields, bases), *_named(backwards.get(collection.name, ()), fields, words))
        name = collection.name
        found.append(PlannedCollection(collection, attributes[name], bases[name], files[name], fields, relations))
    return tuple(found)


def _aliases(schema: Schema, bases: dict[str, str], used: Iterable[str]) -> dict[tuple[str, str], str]:
    """The name of the values of each select, by collection and field."""
    taken = set(used)
    found: dict[tuple[str, str], str] = {}
    for collection in schema.collections:
        for field in collection.fields:
            if field.values:
                alias = identifier(bases[collection.name] + pascal(field.name), taken)
                taken.add(alias)
                found[collection.name, field.name] = alias
    return found


def _fields(
    collection: Collection, base: str, aliases: dict[tuple[str, str], str], words: set[str]
) -> tuple[PlannedField, ...]:
    names = identifiers([field.name for field in collection.fields], words | RECORD_MEMBERS)
    found: list[PlannedField] = []
    for field in collection.fields:
        alias = aliases.get((collection.name, field.name), "")
        found.append(PlannedField(field, names[field.name], kind_of(field, alias), alias))
    return tuple(found)


def _forwards(fields: tuple[PlannedField, ...], bases: dict[str, str]) -> tuple[Relation, ...]:
    return tuple(
        Relation(one.field.name, one.attribute, bases[one.field.target], one.field.many, back=False)
        for one in fields
        if one.field.target in bases and one.field.read
    )


def _backwards(schema: Schema, bases: dict[str, str]) -> dict[str, list[Relation]]:
    """The relations that lead to each collection, by its name."""
    found: dict[str, list[Relation]] = {}
    for collection in schema.collections:
        for field in collection.fields:
            if field.target in bases and field.read and collection.type != "view":
                name = f"{collection.name}_via_{field.name}"
                relation = Relation(name, name, bases[collection.name], not field.single, back=True)
                found.setdefault(field.target, []).append(relation)
    return found


def _named(relations: Iterable[Relation], fields: tuple[PlannedField, ...], words: set[str]) -> tuple[Relation, ...]:
    many = list(relations)
    names = identifiers([one.name for one in many], words | RECORD_MEMBERS | {one.attribute for one in fields})
    return tuple(msgspec.structs.replace(one, attribute=names[one.name]) for one in many)
