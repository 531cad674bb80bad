"""What a change may not do to the collections as a whole, however well each of them is formed. Pure."""

from collections.abc import Iterator

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.diff import Changes
from holdfast.collections.mishap import Places
from holdfast.collections.sound_rules import broken_rules
from holdfast.errors import BadRequest, Problem, ValidationFailed
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField


def check_references(changes: Changes) -> None:
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


def check_rules(changes: Changes, places: Places) -> None:
    """Raise ValidationFailed for rules of the request that name what is not there, BadRequest for those of others.

    A rule that was broken before is nobody's fault here.
    """
    problems: list[tuple[str, tuple[str, ...], Problem]] = []
    for collection in changes.new.collections:
        was = changes.old.by_id.get(collection.id)
        before = dict(broken_rules(changes.old, was)) if was is not None and was == collection else {}
        for key, message in broken_rules(changes.new, collection):
            if was is None or was != collection:
                problems.append((collection.id, tuple(key.split(".")), Problem("validation_invalid_rule", message)))
            elif key not in before:
                raise BadRequest(f"The rule {key} of {collection.name} would break: {message.rstrip('.')}.")
    if problems:
        raise ValidationFailed(places.problems(problems))
