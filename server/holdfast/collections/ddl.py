"""Changes become statements, in an order in which each can be done. Pure."""

from collections.abc import Collection as Some
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.collections import convert, keeping, tables
from holdfast.collections.back import (
    NOTHING_BACK,
    Back,
    ReturningValues,
    forget_missing,
    table_back,
    values_back,
    values_before,
)
from holdfast.collections.diff import Changes, FieldChange, TableChange
from holdfast.collections.part import Part, Sort
from holdfast.collections.parts import dropped, parts
from holdfast.collections.step import Action, Step
from holdfast.db.sql import inline
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.relation import RelationField

NO_FILLS: Final[Mapping[tuple[str, str], Step]] = {}
_Key = tuple[str, str, str]
_DROPS: Final[dict[Sort, Action]] = {
    "index": "drop_index",
    "relation": "drop_relation",
    "function": "drop_function",
    "trigger": "drop_trigger",
    "capture": "stop_capture",
    "history": "stop_history",
}
_CREATES: Final[dict[Sort, Action]] = {
    "index": "create_index",
    "relation": "create_relation",
    "function": "create_function",
    "trigger": "create_trigger",
    "capture": "start_capture",
    "history": "start_history",
}


def table_steps(
    changes: Changes, trash: Some[str], back: Back = NOTHING_BACK, fills: Mapping[tuple[str, str], Step] = NO_FILLS
) -> Iterator[Step]:
    """Every step of a change but those of views. `trash` holds the ids that the trash has already, `fills` what
    fills new fields, which may read any table as it is to be.

    What hangs on tables goes first and comes last, so that in between tables and columns can move freely.
    """
    taken = set(trash)
    gone, fresh = _part_changes(changes, back)
    yield from (_drop(changes, part) for part in gone)
    for collection in changes.dropped:
        yield from _noting(taken, keeping.keep_collection(changes.old, collection, taken))
    for change in changes.altered:
        for field in change.dropped:
            yield from _noting(taken, [keeping.keep_field(change.old, field, taken)])
            yield tables.drop_column(change.old, field)
    yield from tables.rename_tables(changes.altered)
    for change in changes.altered:
        yield from tables.rename_columns(change)
    for collection in changes.created:
        returning = back.tables.get(collection.id)
        yield from tables.create(collection) if returning is None else table_back(collection, returning)
    for change in changes.altered:
        yield from _alter(changes, change, taken, back)
    for id in back.tables:
        yield from forget_missing(changes.new, changes.new.by_id[id])
    yield from fills.values()
    yield from (_make(changes, part) for part in fresh)


def _noting(taken: set[str], steps: Iterable[Step]) -> Iterator[Step]:
    """The same steps, with what they put in the trash added to `taken`."""
    for step in steps:
        if step.keeps is not None:
            taken.add(step.keeps.id)
        yield step


def _alter(changes: Changes, change: TableChange, taken: set[str], back: Back) -> Iterator[Step]:
    for field in change.kept:
        returning = back.values.get((change.new.id, field.new.id))
        if returning is not None:
            yield values_before(change, field, returning)
        yield from _alter_field(changes, change, field, taken)
        if returning is not None:
            yield from _values_back(changes, change, field.new, returning)
    for field in change.added:
        yield tables.add_column(change.new, field)
        returning = back.values.get((change.new.id, field.id))
        if returning is not None:
            yield from _values_back(changes, change, field, returning)
    if change.old.comment != change.new.comment:
        yield tables.comment(change.new)


def _values_back(changes: Changes, change: TableChange, field: Field, back: ReturningValues) -> Iterator[Step]:
    yield values_back(change, field, back)
    if isinstance(field, RelationField):
        yield tables.forget_missing(change.old.name, change.new, field, changes.new.target(field))


def _alter_field(changes: Changes, change: TableChange, field: FieldChange, taken: set[str]) -> Iterator[Step]:
    target = changes.new.target(field.new) if isinstance(field.new, RelationField) else None
    alter = tables.alter_column(change, field, target)
    if not tables.must_convert(field):
        yield from alter
        return
    keep = keeping.keep_values(change, field, (changes.old, changes.new), taken)
    yield from _noting(taken, [keep])
    yield from _losing(alter, keep)


def _losing(steps: Iterable[Step], keep: Step) -> Iterator[Step]:
    """The same steps, of which the first that converts says how many rows lose their value, and which."""
    told = False
    for step in steps:
        tells = step.action == "convert_field" and not told
        told = told or tells
        yield msgspec.structs.replace(step, losses=keep.losses, sample=keep.sample) if tells else step


def _part_changes(changes: Changes, back: Back) -> tuple[list[Part], list[Part]]:
    """What hangs on tables and has to go, and what has to come."""
    touched = _touched(changes)
    old = _parts(changes.old, touched)
    moved = _parts(changes.renamed, touched)
    new = _parts(changes.new, touched)
    stays = {key for key, part in new.items() if key in old and _same(part, moved[key] if part.follows else old[key])}
    # A function that stays is replaced in its place, because triggers hang on it; a history goes on.
    replaced = {key for key, part in new.items() if part.sort in ("function", "history")}
    gone = [part for key, part in old.items() if key not in stays | replaced and not _goes_along(changes, part)]
    gone.sort(key=lambda part: part.sort == "function")
    return gone, [part for key, part in new.items() if key not in stays and not _comes_along(back, part)]


def _goes_along(changes: Changes, part: Part) -> bool:
    """Whether an index moves to the trash with its table; foreign keys and triggers would tie it to the living.

    A history is left as it is: nothing happens to a table in the trash.
    """
    return part.sort in ("index", "history") and part.table not in changes.new.by_id


def _comes_along(back: Back, part: Part) -> bool:
    """Whether an index comes back with its table."""
    return part.sort == "index" and part.table in back.tables


def _same(part: Part, other: Part) -> bool:
    return inline(part.create) == inline(other.create) and part.basis == other.basis


def _touched(changes: Changes) -> set[str]:
    """The ids of the collections whose parts can have changed: also those that point at a renamed one."""
    moved = {change.new.id for change in changes.altered}
    moved.update(collection.id for collection in (*changes.created, *changes.dropped))
    pointing = {
        reference.collection.id
        for catalog in (changes.old, changes.new)
        for id in moved
        if id in catalog.by_id
        for reference in catalog.references(catalog.by_id[id])
    }
    return moved | pointing


def _parts(catalog: Catalog, ids: set[str]) -> dict[_Key, Part]:
    found: dict[_Key, Part] = {}
    for collection in catalog.collections:
        if collection.id in ids:
            found.update({(part.table, part.sort, part.name): part for part in parts(catalog, collection)})
    return found


def _drop(changes: Changes, part: Part) -> Step:
    table = changes.old.by_id[part.table]
    return Step(
        collection=table.name, action=_DROPS[part.sort], sql=dropped(part, table.name), locks="access exclusive"
    )


def _make(changes: Changes, part: Part) -> Step:
    table = changes.new.by_id[part.table]
    is_new = part.table not in changes.old.by_id
    return Step(
        collection=table.name,
        action=_CREATES[part.sort],
        sql=part.create,
        locks="" if is_new else "share" if part.sort == "index" else "share row exclusive",
        source=part.source,
        where=part.where,
        duplicates=part.duplicates,
    )


def used_tables(changes: Changes, steps: Iterable[Step]) -> tuple[list[Collection], list[Collection]]:
    """The tables whose rows are counted before they are changed, and those that new relations point at."""
    counted = {step.collection for step in steps if step.losses is not None}
    owners = [one for one in changes.old.collections if one.name in counted and not one.is_view]
    targets: dict[str, Collection] = {}
    for change in changes.altered:
        for field in change.kept:
            if isinstance(field.new, RelationField) and convert.points_elsewhere(field.old, field.new):
                target = changes.old.by_id.get(field.new.collection_id)
                if target is not None and target.name not in counted:
                    targets[target.name] = target
    return owners, list(targets.values())
