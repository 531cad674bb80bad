"""What a change may not do to the collections as a whole, however well each of them is formed. Pure."""

from collections.abc import Iterator

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.diff import Changes
from holdfast.errors import BadRequest
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField


def check(changes: Changes) -> None:
    """Raise BadRequest, in a sentence with names, for a change that would leave something pointing nowhere."""
    for collection in changes.old.collections:
        if collection.id in changes.new.by_id:
            continue
        if collection.system:
            raise BadRequest(f"{collection.name} is a system collection: it cannot be deleted.")
        pointing = sorted(_pointing(changes.new, collection))
        if pointing:
            raise BadRequest(
                f"{collection.name} cannot be deleted, because relations point at it: {', '.join(pointing)}. "
                "Delete these fields first, or in the same import."
            )


def _pointing(catalog: Catalog, collection: Collection) -> Iterator[str]:
    """The relation fields (`posts.author`) of tables that point at a collection."""
    for other in catalog.collections:
        for field in () if other.is_view else other.fields:
            if isinstance(field, RelationField) and field.collection_id == collection.id:
                yield f"{other.name}.{field.name}"
