"""A path of a filter is looked up: through which relations it goes, and at what it ends.

Names that a caller may not see are unknown to them: the same sentence, and never a hint.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.catalog.sight import Knows
from holdfast.catalog.snapshot import Catalog, Reference
from holdfast.expressions.kind import Kind
from holdfast.expressions.parse import meant
from holdfast.expressions.tree import Path, Unreadable
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField

MAX_HOPS: Final = 6
_LISTS: Final = (SelectField, RelationField, FileField)
_TEXTS: Final = (Kind.TEXT, Kind.JSON)

Modifier: TypeAlias = Literal["", "lower", "length", "each"]


class Hop(msgspec.Struct, frozen=True):
    """One step to another collection: along a relation field, or `back` to the records whose field points here.

    Without a field it leads to all records of the collection, whatever it starts at (`@collection`).
    """

    name: str
    collection: Collection
    field: RelationField | None
    back: bool

    @property
    def many(self) -> bool:
        """Whether it can lead to more than one record."""
        return self.back or self.field is None or self.field.many


class Leaf(msgspec.Struct, frozen=True):
    """A field at the end of a path. `inner` goes on inside it: the path in a json value, `lon` or `lat` of a point."""

    collection: Collection
    field: Field
    inner: tuple[str, ...] = ()
    modifier: Modifier = ""

    @property
    def is_list(self) -> bool:
        """Whether it is a list as a whole."""
        return self.field.many and self.modifier in ("", "lower")

    @property
    def is_each(self) -> bool:
        """Whether it is every item of a list."""
        return self.field.many and self.modifier == "each"


class Route(msgspec.Struct, frozen=True):
    """A path that was found."""

    hops: tuple[Hop, ...]
    leaf: Leaf


def every_field(_: Collection, __: Field) -> bool:
    """Knows every field, hidden ones too."""
    return True


def find_route(catalog: Catalog, collection: Collection, path: Path, knows: Knows = every_field) -> Route:
    """Where a path leads, from a record of the collection.

    Raises Unreadable for unknown names and those that `knows` does not know, with the nearest name that is there,
    for fields that cannot be compared, and for more than MAX_HOPS steps.
    """
    hops: list[Hop] = []
    here = collection
    for number, name in enumerate(path.names):
        field = _visible(here, name, knows)
        last = number == len(path.names) - 1
        if field is not None and (last or not isinstance(field, RelationField)):
            return Route(tuple(hops), _leaf(here, field, path, number))
        hop = _hop(catalog, here, field, name, knows)
        if hop is None:
            names = _names(catalog, here, knows)
            raise Unreadable(path.at_name(number), f'There is no field "{name}"{meant(name, names)}')
        hops.append(hop)
        if len(hops) > MAX_HOPS:
            raise Unreadable(path.at_name(number), f"A path goes through at most {MAX_HOPS} relations")
        here = hop.collection
    last_name = path.names[-1]
    raise Unreadable(path.at_name(len(path.names) - 1), f'"{last_name}" is a collection: name one of its fields')


def _visible(collection: Collection, name: str, knows: Knows) -> Field | None:
    """The field, if there is one of that name and it can be filtered by."""
    field = collection.by_name.get(name)
    if field is None or not field.readable or not knows(collection, field):
        return None
    return field


def _hop(catalog: Catalog, here: Collection, field: Field | None, name: str, knows: Knows) -> Hop | None:
    if isinstance(field, RelationField):
        target = catalog.by_id.get(field.collection_id)
        return None if target is None else Hop(name, target, field, back=False)
    if "_via_" not in name:
        return None
    for reference in catalog.references(here):
        if name == back_name(reference) and knows(reference.collection, reference.field):
            return Hop(name, reference.collection, reference.field, back=True)
    return None


def back_name(reference: Reference) -> str:
    """What the way back along a relation field is called."""
    return f"{reference.collection.name}_via_{reference.field.name}"


def _names(catalog: Catalog, here: Collection, knows: Knows) -> list[str]:
    names = [field.name for field in here.fields if _visible(here, field.name, knows)]
    back = catalog.references(here)
    return names + [back_name(reference) for reference in back if knows(reference.collection, reference.field)]


def _leaf(here: Collection, field: Field, path: Path, number: int) -> Leaf:
    inner = path.names[number + 1 :]
    if inner and field.kind is Kind.POINT and inner not in (("lon",), ("lat",)):
        raise Unreadable(path.at_name(number + 1), f'"{field.name}" is a point: it has .lon and .lat')
    if inner and field.kind not in (Kind.POINT, Kind.JSON):
        raise Unreadable(path.at_name(number + 1), f'"{field.name}" is no relation, so nothing can follow it')
    if field.kind is Kind.OPAQUE:
        raise Unreadable(path.at_name(number), f'"{field.name}" cannot be compared')
    return Leaf(here, field, inner, _modifier(field, path))


def _modifier(field: Field, path: Path) -> Modifier:
    at = path.at + len(path.text)
    if path.modifier == "lower":
        if field.kind not in _TEXTS:
            raise Unreadable(at, f':lower is for texts, and "{field.name}" is none')
        return "lower"
    if path.modifier in ("length", "each"):
        if not isinstance(field, _LISTS):
            raise Unreadable(at, f":{path.modifier} is for select, relation and file fields")
        return "length" if path.modifier == "length" else "each"
    if path.modifier:
        raise Unreadable(at, f":{path.modifier} is for @request in rules")
    return ""
