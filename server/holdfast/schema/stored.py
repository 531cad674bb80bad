"""How a collection is kept in the catalog's table: JSON, as the API spells it, with its secrets."""

from typing import Any, Final, cast

import msgspec

from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.fields import AnyField

_DATES: Final = ("created", "updated")  # columns of their own


def to_stored(collection: Collection) -> str:
    """The definition as JSON text, without `created` and `updated`."""
    definition = cast(dict[str, Any], msgspec.to_builtins(collection))
    for date in _DATES:
        definition.pop(date)
    return msgspec.json.encode(definition).decode()


def from_stored(definition: str | bytes, *, created: str = "", updated: str = "") -> Collection:
    """The collection that `to_stored` wrote."""
    found = cast(dict[str, Any], msgspec.json.decode(definition))
    fields = msgspec.convert(found.pop("fields"), tuple[AnyField, ...])
    collection = msgspec.convert({**found, "created": created, "updated": updated}, Collection)
    return msgspec.structs.replace(collection, fields=cast(tuple[Field, ...], fields))


def field_to_builtins(field: Field) -> dict[str, Any]:
    """One field as the API spells it."""
    return cast(dict[str, Any], msgspec.to_builtins(field))


def field_from_builtins(definition: dict[str, Any]) -> Field:
    """The field that `field_to_builtins` wrote."""
    return cast(Field, msgspec.convert(definition, AnyField))
