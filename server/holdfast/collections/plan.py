"""What a change would do: its statements, what they cost on the rows that are there, and a hash of all that."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from holdfast.collections.diff import Changes
from holdfast.collections.step import Step
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, inline
from holdfast.schema.collection import Collection
from holdfast.schema.stored import to_stored


class Weighed(msgspec.Struct, frozen=True):
    """A step and the rows that it touches: those that lose something, else those that it writes."""

    step: Step
    destroys: bool = False
    rows: int = 0


class PlannedStep(msgspec.Struct, frozen=True):
    """A step as the API shows it."""

    collection: str
    action: str
    sql: str
    destroys: bool
    rewrites: bool
    locks: str
    rows: int
    field: str


class Plan(msgspec.Struct, frozen=True):
    """All steps, and the hash that a change can insist on."""

    hash: str
    steps: tuple[PlannedStep, ...]


async def weigh(tx: Transaction, steps: Iterable[Step], *, count_writes: bool) -> tuple[Weighed, ...]:
    """Count, on the rows as they are, what each step destroys, and leave out the copies of what nobody loses.

    Rows that are only written are counted for people, so a change that nobody looks at does without.
    """
    counts = _Counts(tx)
    found: list[Weighed] = []
    for step in steps:
        lost = await counts.rows(step.losses)
        if step.only_for_losses:
            found.extend([Weighed(step, rows=lost)] if lost else [])
            continue
        written = await counts.rows(step.writes) if count_writes and not lost else 0
        found.append(Weighed(step, destroys=lost > 0, rows=lost or written))
    return tuple(found)


class _Counts:
    """Counts rows. A conversion and the copy of what it loses ask the same, which is asked once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[str, int] = {}

    async def rows(self, query: Sql | None) -> int:
        if query is None:
            return 0
        text = inline(query)
        if text not in self._known:
            row = await self._tx.fetchrow(query)
            self._known[text] = row[0] if row is not None else 0
        return self._known[text]


def make_plan(changes: Changes, weighed: Sequence[Weighed]) -> Plan:
    """The plan that people see."""
    steps = tuple(
        PlannedStep(
            collection=one.step.collection,
            action=one.step.action,
            sql=inline(one.step.sql),
            destroys=one.destroys,
            rewrites=one.step.rewrites,
            locks=one.step.locks,
            rows=one.rows,
            field=one.step.field,
        )
        for one in weighed
    )
    return Plan(plan_hash(changes, steps), steps)


def plan_hash(changes: Changes, steps: Sequence[PlannedStep]) -> str:
    """A hash of all steps and of the definitions that they lead to.

    The rows that are only written are left out: they change while people read a plan. Those that lose something
    count, so that nobody loses more than what was agreed to.
    """
    shown = [msgspec.structs.replace(step, rows=step.rows if step.destroys else 0) for step in steps]
    definitions = [
        _definition(collection)
        for collection in changes.new.collections
        if changes.old.by_id.get(collection.id) != collection
    ]
    gone = [collection.id for collection in changes.old.collections if collection.id not in changes.new.by_id]
    return hashlib.sha256(msgspec.json.encode([shown, definitions, gone], order="deterministic")).hexdigest()


def _definition(collection: Collection) -> Any:
    """What decides about the collection; a new one has new secrets each time that it is planned."""
    return _without_secrets(msgspec.json.decode(to_stored(collection)))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        inner = cast(dict[str, Any], value)
        return {key: _without_secrets(one) for key, one in inner.items() if key != "secret"}
    if isinstance(value, list):
        return [_without_secrets(one) for one in cast(list[Any], value)]
    return value
