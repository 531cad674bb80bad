"""What `expand` can put into a record of a collection, as a schema. Pure."""

from typing import Any, Final

from holdfast.catalog.snapshot import Catalog
from holdfast.records.document import is_sole
from holdfast.rules.access import Audience
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField

ABOUT: Final = "The related records, when `expand` asked for some."


def expanded(catalog: Catalog, collection: Collection, who: Audience) -> dict[str, Any]:
    """The relations of a collection, and those that lead to it, with the records that they may bring."""
    found: dict[str, Any] = {}
    for field in collection.fields:
        if isinstance(field, RelationField) and (who.superuser or not field.hidden):
            _add(found, field.name, catalog.target(field), who, many=field.many)
    for reference in catalog.references(collection):
        other, field = reference.collection, reference.field
        if not other.is_view and (who.superuser or not field.hidden):
            _add(found, f"{other.name}_via_{field.name}", other, who, many=not is_sole(reference))
    schema: dict[str, Any] = {"type": "object", "description": ABOUT}
    return {**schema, "properties": found} if found else {**schema, "additionalProperties": True}


def _add(found: dict[str, Any], name: str, target: Collection, who: Audience, *, many: bool) -> None:
    if target.system and not who.superuser:
        return
    record = {"$ref": f"#/components/schemas/Record_{target.name}"}
    found[name] = {"type": "array", "items": record} if many else record
