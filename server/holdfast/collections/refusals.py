"""What a change may not do to the collections as a whole, however well each of them is formed. Pure."""

from collections.abc import Iterator

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.convert import column_type
from holdfast.collections.diff import Changes
from holdfast.collections.mishap import Places
from holdfast.collections.sound_roles import broken_by, permissions_for
from holdfast.collections.sound_rules import broken_rules
from holdfast.db.sql import inline
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
        permitted = permissions_for(changes.old, collection)
        if permitted:
            raise BadRequest(
                f"{collection.name} cannot be deleted, because roles have permissions for it: {'; '.join(permitted)}. "
                "Take these permissions away first."
            )


def _pointing(catalog: Catalog, collection: Collection) -> Iterator[str]:
    """The relation fields (`posts.author`) of tables that point at a collection."""
    for other in catalog.collections:
        for field in () if other.is_view else other.fields:
            if isinstance(field, RelationField) and field.collection_id == collection.id:
                yield f"{other.name}.{field.name}"


def check_rules(changes: Changes, places: Places) -> None:
    """Raise ValidationFailed for rules of the request that name what is not there, BadRequest for those of others.

    Those of others are of collections that stay as they are, and of roles.

    A rule that was broken before is nobody's fault here.
    """
    problems: list[tuple[str, tuple[str, ...], Problem]] = []
    others = _takes_away(changes)
    for collection in changes.new.collections:
        was = changes.old.by_id.get(collection.id)
        if was == collection and not others:
            continue  # 300 collections with five rules each take a third of a second
        for key, message in broken_rules(changes.new, collection):
            if was is None or was != collection:
                problems.append((collection.id, tuple(key.split(".")), Problem("validation_invalid_rule", message)))
            elif key not in dict(broken_rules(changes.old, was)):
                raise BadRequest(f"The rule {key} of {collection.name} would break: {message.rstrip('.')}.")
    if problems:
        raise ValidationFailed(places.problems(problems))
    fault = broken_by(changes.old, changes.new) if others and changes.new.roles else None
    if fault is not None:
        raise BadRequest(f"The {fault.where}, would break in {_name(changes, fault.collection_id)}: {fault.what}.")


def _name(changes: Changes, collection_id: str) -> str:
    found = changes.new.by_id.get(collection_id)
    return "all collections" if found is None else found.name


def _takes_away(changes: Changes) -> bool:
    """Whether a name is gone, or means something else: what only comes breaks no rule of another collection."""
    return any(
        old.id not in changes.new.by_id or not _names(old) <= _names(changes.new.by_id[old.id])
        for old in changes.old.collections
        if changes.new.by_id.get(old.id) != old
    )


def _names(collection: Collection) -> set[tuple[str, ...]]:
    """Everything of a collection that a rule can depend on."""
    found: set[tuple[str, ...]] = {("", collection.name)}
    for field in collection.fields:
        target = field.collection_id if isinstance(field, RelationField) else ""
        found.add((field.name, field.type, inline(column_type(field)), str(field.nullable), target))
    return found
