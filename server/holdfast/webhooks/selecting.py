"""Which events an endpoint gets: those of its types, that its role may see, and that its filter is true of."""

from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg
import msgspec
import structlog

from holdfast.db.sql import Inputs, Statement, join, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import InvalidFilter
from holdfast.events.event import Event
from holdfast.events.row import row_after, row_before
from holdfast.expressions.emit import bracketed
from holdfast.expressions.value import ALWAYS
from holdfast.rules.access import ways_in
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.scope import holds
from holdfast.schema.collection import Collection
from holdfast.webhooks.endpoint import Endpoint, EndpointDraft
from holdfast.webhooks.endpoint_filter import filter_scope
from holdfast.webhooks.event_types import matches

MOST_HOPS: Final = 8  # an event that so many webhooks have led to is part of a loop
_RECORD: Final = raw("record")
_PREVIOUS: Final = raw("previous")
_log: Final = structlog.get_logger("holdfast.webhooks")


async def select(engine: Engine, endpoint: Endpoint, created: str, events: Sequence[Event]) -> list[Event]:
    """Those of the events that the endpoint gets, in their order. `created`: older events are not for it."""
    asked = [event for event in events if event.timestamp >= created and matches(endpoint.draft.events, key_of(event))]
    found = await _wanted(engine, endpoint, asked)
    return [event for event in asked if event.seq in found and not _is_loop(endpoint, event)]


async def barred_by_now(engine: Engine, endpoint: Endpoint, events: Sequence[Event]) -> frozenset[int]:
    """The numbers of those events, selected a while ago, that the endpoint's role may not see any more."""
    if not endpoint.draft.role:
        return frozenset()
    rights = msgspec.structs.replace(endpoint, draft=msgspec.structs.replace(endpoint.draft, filter=""))
    return frozenset(event.seq for event in events) - await _wanted(engine, rights, events)


async def _wanted(engine: Engine, endpoint: Endpoint, events: Sequence[Event]) -> set[int]:
    found: set[int] = set()
    for collection_id in dict.fromkeys(event.collection_id for event in events):
        some = [event for event in events if event.collection_id == collection_id]
        collection = engine.catalog.by_id.get(collection_id)
        if collection is not None:
            found |= await _of(engine, endpoint, collection, some)
        elif not endpoint.draft.role:  # what a role may see is said for collections alone
            found |= {event.seq for event in some}
    return found


def key_of(event: Event) -> str:
    """The type of an event by the id of its collection, which outlasts a rename."""
    return f"{event.collection_id}.{event.type.rpartition('.')[2]}" if event.collection_id else event.type


def _is_loop(endpoint: Endpoint, event: Event) -> bool:
    if event.hops < MOST_HOPS:
        return False
    _log.warning("an event was not sent: webhooks call each other in a loop", webhook=endpoint.id, event_id=event.id)
    return True


async def _of(engine: Engine, endpoint: Endpoint, collection: Collection, events: Sequence[Event]) -> set[int]:
    """The numbers of those that are seen and wanted, of events of one collection."""
    try:
        statement = _statement(engine, endpoint.draft, collection)
    except InvalidFilter as failure:
        _log.error("a webhook has a filter that cannot be used", webhook=endpoint.id, reason=failure.message)
        return set()
    if statement is None:
        return {event.seq for event in events}
    # Of a record that is too large for the log nothing is known but its id, and of a truncation nothing at all.
    unknown = {event.seq for event in events if not endpoint.draft.role and (not event.whole or not event.record_id)}
    known = [event for event in events if event.whole and event.record_id]
    try:
        return unknown | await _ask(engine, statement, collection, known)
    except asyncpg.PostgresError:
        return unknown | await _ask_each(engine, endpoint, statement, collection, known)


async def _ask(engine: Engine, statement: Statement, collection: Collection, events: Iterable[Event]) -> set[int]:
    rows = [
        {"seq": event.seq, "row": row_after(collection, event), "before": row_before(collection, event)}
        for event in events
    ]
    inputs = Inputs(named={"rows": msgspec.json.encode(rows).decode(), FACTS: Facts(context="realtime")})
    return {row["seq"] for row in await engine.pool.fetch(statement, inputs)} if rows else set()


async def _ask_each(
    engine: Engine, endpoint: Endpoint, statement: Statement, collection: Collection, events: Iterable[Event]
) -> set[int]:
    """One by one: a value that does not fit its column any more keeps back its own event only."""
    found: set[int] = set()
    for event in events:
        try:
            found |= await _ask(engine, statement, collection, [event])
        except asyncpg.PostgresError as failure:
            reason = str(failure)
            _log.error("the filter of a webhook failed", webhook=endpoint.id, event_id=event.id, reason=reason)
    return found


def _statement(engine: Engine, draft: EndpointDraft, collection: Collection) -> Statement | None:
    """What says which events are seen and wanted; None where all are. Raises InvalidFilter."""
    catalog = engine.catalog
    key = (catalog.version, "webhook", collection.id, draft.role, draft.filter)
    kept = engine.plans.get(key)
    if isinstance(kept, Statement):
        return kept
    conditions = [holds(catalog, collection, ways_in(catalog, collection, "view", draft.who).rules, _RECORD, draft.who)]
    scope = filter_scope(catalog, collection, draft.who, _RECORD, _PREVIOUS)
    conditions.append(scope.condition(draft.filter))
    conditions = [bracketed(one) for one in conditions if one is not ALWAYS]
    if not conditions:
        return None
    table = qualified("public", collection.name)
    populate = raw(" CROSS JOIN LATERAL jsonb_populate_record(NULL::")
    statement = Statement.of(
        raw("SELECT given.seq FROM jsonb_to_recordset(")
        + named("rows", "jsonb")
        + raw(") AS given (seq bigint, row jsonb, before jsonb)")
        + (populate + table + raw(", given.row) AS ") + _RECORD)
        + (populate + table + raw(", given.before) AS ") + _PREVIOUS)
        + scope.joins()
        + raw(" WHERE ")
        + join(" AND ", conditions)
    )
    engine.plans.put(key, statement)
    return statement
