"""What each subscriber sees of changed records: few statements for many subscribers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

import asyncpg
import msgspec
import structlog

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs
from holdfast.engine import Engine
from holdfast.errors import ApiError, Unavailable
from holdfast.events.event import Event
from holdfast.events.row import row_after
from holdfast.realtime.plan import ID_ALONE, IDS, ROWS, Seeing, Watch, plan_seeing
from holdfast.realtime.subscription import Subscription
from holdfast.records.plan import Asked
from holdfast.records.render import compact
from holdfast.rules.access import audience, ways_in
from holdfast.rules.facts import FACTS, Facts
from holdfast.schema.collection import Collection

Wanted: TypeAlias = Mapping[Subscription, Sequence[int]]
"""Which events, by their places in a list, each subscription is about."""
Seen: TypeAlias = dict[Subscription, list[tuple[int, bytes]]]
"""What each sees of them: the record as JSON. Those who see the same have the same object."""
_log: Final = structlog.get_logger("holdfast.realtime")


class _Group:
    """Subscriptions that one statement answers, and the events of one collection that each is about."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.members: dict[Subscription, list[int]] = {}

    def watch(self, *, is_gone: bool = False, is_whole: bool = True) -> Watch:
        """What all of them want to see."""
        one = next(iter(self.members))
        fields, expand = one.shape
        return Watch(one.action, one.filter, (fields, expand) if is_whole else (ID_ALONE, ""), is_gone, is_whole)


async def see(engine: Engine, events: Sequence[Event], wanted: Wanted) -> Seen:
    """What is seen, under the rights that everybody has now. Raises Unavailable when the database is away.

    A record that is there is seen as it is now; one that is gone, as it was before. What a rule that breaks would
    decide, nobody sees.
    """
    seen: Seen = {}
    for group in _groups(engine, events, wanted):
        try:
            await _see_group(engine, events, group, seen)
        except Unavailable:
            raise
        except (ApiError, asyncpg.PostgresError) as failure:
            _log.warning(
                "changes of a collection cannot be sent to some subscribers",
                collection=group.asked.collection.name,
                reason=str(failure),
            )
    return seen


def _groups(engine: Engine, events: Sequence[Event], wanted: Wanted) -> list[_Group]:
    catalog = engine.catalog
    found: dict[object, _Group] = {}
    for one, places in wanted.items():
        who = audience(one.who)
        for at in places:
            event = events[at]
            collection = catalog.by_id.get(event.collection_id)
            if collection is None or one.kind is None or event.action == "truncate":
                continue
            key = (collection.id, who, one.kind)
            group = found.get(key)
            if group is None:
                group = found[key] = _Group(Asked(catalog, collection, who))
            group.members.setdefault(one, []).append(at)
    return list(found.values())


async def _see_group(engine: Engine, events: Sequence[Event], group: _Group, seen: Seen) -> None:
    places = {at for some in group.members.values() for at in some}
    alive = {at for at in places if events[at].action != "delete"}
    ids = list({events[at].record_id for at in alive})
    there = await _look(engine, group, group.watch(), {IDS: ids}) if ids else _Sight({}, {})
    _tell(events, group, there, alive, seen)
    gone = {at for at in places if at not in alive or events[at].record_id not in there.items}
    for is_whole in (True, False):
        some = {at for at in gone if events[at].whole is is_whole}
        if some:
            rows = {events[at].record_id: events[at] for at in sorted(some)}
            named: dict[str, object] = {ROWS: _rows(group.asked.collection, rows.values())}
            before = await _look(engine, group, group.watch(is_gone=True, is_whole=is_whole), named)
            _tell(events, group, before, some, seen)


def may_see_any(engine: Engine, one: Subscription, event: Event) -> bool:
    """Whether somebody may see any record of the collection that an event is about."""
    collection = engine.catalog.by_id.get(event.collection_id)
    return collection is not None and ways_in(engine.catalog, collection, one.action, audience(one.who)).is_open


class _Sight(msgspec.Struct, frozen=True):
    """What was found: the records by id, each with what the runs see; and which run is whose."""

    items: dict[str, dict[int, bytes]]
    ordinals: dict[Subscription, int]


async def _look(engine: Engine, group: _Group, watch: Watch, named: dict[str, object]) -> _Sight:
    reading = next(iter(group.members)).reading
    seeing = plan_seeing(engine.plans, group.asked, watch, reading)
    if seeing is None:
        # Nobody sees them; whether they are there does not matter then.
        return _Sight({}, {})
    ordinals, runs = _runs(seeing, group.members)
    inputs = Inputs(named={FACTS: Facts(context="realtime"), **seeing.runs.columns(runs), **named})
    with as_api_errors():
        rows = await engine.pool.fetch(seeing.statement, inputs)
    items: dict[str, dict[int, bytes]] = {}
    for row in rows:
        found = items.setdefault(row["id"], {})
        if row["seers"] is not None:
            item = compact(row["item"].encode(), spaced=seeing.spaced)
            found.update(dict.fromkeys(row["seers"], item))
    return _Sight(items, ordinals)


def _runs(seeing: Seeing, members: Iterable[Subscription]) -> tuple[dict[Subscription, int], list[tuple[object, ...]]]:
    """Each different set of values once, and which of them is whose."""
    now = datetime.now(UTC)
    runs: dict[tuple[object, ...], int] = {}
    ordinals: dict[Subscription, int] = {}
    for one in members:
        literals = one.reading.literals if one.reading is not None else ()
        run = seeing.runs.run(Inputs(literals, {FACTS: one.facts}, now)) if seeing.runs.reads else ()
        ordinals[one] = runs.setdefault(run, len(runs) + 1)
    return ordinals, list(runs)


def _tell(events: Sequence[Event], group: _Group, sight: _Sight, among: set[int], seen: Seen) -> None:
    if not sight.items:
        return
    for one, places in group.members.items():
        ordinal = sight.ordinals[one]
        for at in places:
            if at not in among:
                continue
            item = sight.items.get(events[at].record_id, {}).get(ordinal)
            if item is not None:
                seen.setdefault(one, []).append((at, item))


def _rows(collection: Collection, events: Iterable[Event]) -> str:
    """Records of the log as JSON that PostgreSQL can make rows of the collection's table of."""
    return msgspec.json.encode([row_after(collection, event) for event in events]).decode()
