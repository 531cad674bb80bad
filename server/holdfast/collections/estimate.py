"""How long a change would take on the tables as they are, and who would wait meanwhile. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from holdfast.collections.diff import Changes
from holdfast.collections.plan import PlannedStep, Weighed
from holdfast.collections.step import Lock, Step
from holdfast.db.pace import Rates
from holdfast.db.sql import inline

SMALL: Final = 4 * 1024 * 1024  # bytes of all tables together: whatever is done to them takes less than A_MOMENT
A_MOMENT: Final = 1.0  # second
A_STATEMENT: Final = 0.01  # seconds: what one costs that writes no rows
# What was measured is one table in memory and nobody else at work; between these factors lies what a change took.
LEAST: Final = 0.5
MOST: Final = 2.0
MOST_UNSURE: Final = 5.0  # where the number of rows is a guess
A_ROW: Final = 200  # bytes, where PostgreSQL has not counted
_LOCKS: Final[tuple[Lock, ...]] = ("", "share", "share row exclusive", "access exclusive")


class Size(msgspec.Struct, frozen=True):
    """A table as PostgreSQL has it. `rows` is its estimate, -1 where it has none yet; `bytes` go without indexes."""

    bytes: int = 0
    rows: float = 0
    indexes: int = 0

    @property
    def counted(self) -> float:
        """The rows, guessed by the bytes where they were never counted."""
        return self.rows if self.rows >= 0 else self.bytes / A_ROW


class Held(msgspec.Struct, frozen=True):
    """A table that others may be using, and what becomes of it. `locks` is the strongest lock of all steps."""

    collection: str
    bytes: int
    rows: int
    rewrites: bool
    locks: Lock


class Estimate(msgspec.Struct, frozen=True, rename="camel"):
    """How long the whole change takes, in seconds, without the time that it waits for its locks."""

    seconds_from: float = 0
    seconds_to: float = A_MOMENT
    unsure: bool = False
    tables: tuple[Held, ...] = ()


class Planned(msgspec.Struct, frozen=True):
    """A plan as the API answers it. The estimate is not in the hash: tables grow while people read."""

    hash: str
    steps: tuple[PlannedStep, ...]
    estimate: Estimate


def touched(changes: Changes, weighed: Sequence[Weighed]) -> dict[str, str]:
    """The tables that are there already, by the name that steps have for each."""
    found: dict[str, str] = {}
    for one in weighed:
        label = one.step.collection
        collection = changes.old.by_name.get(label) or changes.new.by_name.get(label)
        old = changes.old.by_id.get(collection.id) if collection is not None else None
        if old is not None and not old.is_view:
            found[label] = old.name
    return found


def is_small(sizes: Mapping[str, Size]) -> bool:
    """Whether nothing has to be measured, because it is done in a moment anyway."""
    return sum(size.bytes for size in sizes.values()) <= SMALL


def estimate(
    names: Mapping[str, str], weighed: Sequence[Weighed], sizes: Mapping[str, Size], rates: Rates | None
) -> Estimate:
    """The estimate of these steps; without `rates` for tables that are small."""
    tables = _tables(names, weighed, sizes)
    if rates is None:
        return Estimate(tables=tables)
    size_of = {label: sizes.get(name, Size()) for label, name in names.items()}
    seconds = sum(_seconds(one, size_of.get(one.step.collection, Size()), rates) for one in _counted_once(weighed))
    unsure = any(size.rows < 0 < size.bytes for size in size_of.values())
    return Estimate(seconds * LEAST, max(A_MOMENT, seconds * (MOST_UNSURE if unsure else MOST)), unsure, tables)


def _counted_once(weighed: Sequence[Weighed]) -> Iterator[Weighed]:
    """The same steps, of which none counts what another one has counted: that is asked once."""
    seen: set[str] = set()
    for one in weighed:
        asked = "" if one.step.losses is None else inline(one.step.losses)
        again = asked in seen
        seen.add(asked)
        yield msgspec.structs.replace(one, step=msgspec.structs.replace(one.step, losses=None)) if again else one


def _tables(names: Mapping[str, str], weighed: Sequence[Weighed], sizes: Mapping[str, Size]) -> tuple[Held, ...]:
    steps: dict[str, list[Step]] = {}
    for one in weighed:
        if one.step.collection in names and one.step.locks:
            steps.setdefault(names[one.step.collection], []).append(one.step)
    return tuple(
        Held(
            collection=name,
            bytes=sizes.get(name, Size()).bytes,
            rows=round(sizes.get(name, Size()).counted),
            rewrites=any(step.rewrites for step in own),
            locks=_strongest(own),
        )
        for name, own in steps.items()
    )


def _strongest(steps: Sequence[Step]) -> Lock:
    return _LOCKS[max(_LOCKS.index(step.locks) for step in steps)]


def _seconds(one: Weighed, size: Size, rates: Rates) -> float:
    """What a step costs, and the count of what it loses, which is asked again when it is done."""
    read = size.bytes * rates.read
    counted = read + size.counted * rates.convert if one.step.losses is not None else 0
    return A_STATEMENT + counted + _work(one, size, rates, read)


def _work(one: Weighed, size: Size, rates: Rates, read: float) -> float:
    rows = size.counted
    match one.step.action:
        case "convert_field" if one.step.rewrites:
            return size.bytes * rates.write + rows * (rates.convert + size.indexes * rates.index)
        case "convert_field":
            return read + rows * rates.convert + one.rows * rates.change
        case "keep_field" | "keep_values":
            return read + rows * rates.convert + one.rows * rates.change
        case "empty_missing" | "restore_values" | "fill_field":
            return read + rows * (rates.look + rates.change)
        case "create_index":
            return read + rows * rates.index
        case "create_relation":
            return read + rows * rates.look
        case "alter_field":
            return read  # whether a column has no null is looked up in every row
        case _:
            return 0


def duration(found: Estimate) -> str:
    """How long it takes, as a line for people."""
    if found.seconds_to <= A_MOMENT:
        return "takes less than a second"
    unit, name = (1.0, "seconds") if found.seconds_to < 120 else (60.0, "minutes")
    least, most = (max(1, round(seconds / unit)) for seconds in (found.seconds_from, found.seconds_to))
    return f"takes about {least} to {most} {name}"
