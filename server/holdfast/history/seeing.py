"""Who may see the versions of a record: whoever may view the record now, and of it what they may read now."""

from typing import Any

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Inputs, Statement, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.events.remembering import keeps_history
from holdfast.history import store
from holdfast.http.request import Request
from holdfast.records.document import visible_fields
from holdfast.records.hooked_reads import after_view, before_view
from holdfast.records.list import BASE
from holdfast.records.past import SINCE_SHAPE, remembered, source
from holdfast.records.past_reading import has_history, no_history
from holdfast.records.permit import could_manage
from holdfast.records.plan import Asked, inputs, plan_view
from holdfast.records.view import RECORD_ID
from holdfast.rules.access import audience
from holdfast.rules.facts import Facts
from holdfast.rules.sight import may_manage
from holdfast.schema.collection import Collection


class Seen(msgspec.Struct, frozen=True):
    """A record whose versions may be seen: whether it is there now, and the ids of the fields that may be read.

    `readable` is None for who may read all that is remembered.
    """

    live: bool
    readable: frozenset[str] | None


class Place(msgspec.Struct, frozen=True):
    """Which record a request is about."""

    catalog: Catalog
    collection: Collection
    record_id: str


def place_of(engine: Engine, request: Request) -> Place:
    """The record that the path names. Raises NotFound for an unknown collection, BadRequest for a view."""
    collection = engine.catalog.get(request.params["collection"])
    request.collection = collection.name
    if collection.is_view:
        raise no_history(collection, "collection")
    if "\0" in request.params["id"]:
        raise NotFound
    return Place(engine.catalog, collection, request.params["id"])


async def look(engine: Engine, request: Request, place: Place) -> Seen:
    """What the caller may see of the record's versions.

    Raises Forbidden where nobody but superusers may view records, NotFound, and BadRequest for a collection that has
    never kept a history.
    """
    if request.principal.is_superuser:
        seen = await _superuser(engine, place)
    else:
        seen = await _by_rule(engine, request, place)
    if not keeps_history(place.collection) and not await has_history(engine, place.collection):
        raise no_history(place.collection, "history")
    return seen


async def _superuser(engine: Engine, place: Place) -> Seen:
    one = Inputs(named={RECORD_ID: place.record_id})
    sql = (
        raw("SELECT FROM ")
        + qualified("public", place.collection.name)
        + raw(" WHERE id = ")
        + named(RECORD_ID, "text")
    )
    live = await engine.pool.fetchrow(Statement.of(sql), one) is not None
    if not live and not await store.count(engine.pool, place.collection, place.record_id):
        raise NotFound
    return Seen(live, None)


async def _by_rule(engine: Engine, request: Request, place: Place) -> Seen:
    asked, shape = Asked(place.catalog, place.collection, audience(request.principal)), ("", "")
    hooks = engine.hooks
    if hooks.record_before_view:
        shape = await before_view(engine, request, place.collection, place.record_id, shape)
    compiled = plan_view(engine.plans, asked, shape)
    given = inputs({RECORD_ID: place.record_id}, Facts.of(request))
    row = await engine.pool.fetchrow(compiled.statement, given)
    if row is not None:
        body: bytes = row["item"].encode()
        if hooks.record_after_view:
            body = await after_view(engine, request, place.collection, body)
        record: dict[str, Any] = msgspec.json.decode(body)
        fields = place.collection.by_name
        return Seen(True, frozenset(fields[name].id for name in record if name in fields))
    if not await _manages_deleted(engine, request, place):
        raise NotFound
    readable = visible_fields(place.collection, asked.who)
    return Seen(False, frozenset(field.id for field in readable))


async def _manages_deleted(engine: Engine, request: Request, place: Place) -> bool:
    """Whether the record is an account that is deleted, and that the caller could manage as it was."""
    collection, who = place.collection, audience(request.principal)
    if not could_manage(collection, who):
        return False
    condition = may_manage(place.catalog, remembered(collection), BASE, who)
    if condition is None:
        return False
    sql = raw("SELECT FROM ") + source(collection, "deleted") + raw(" AS ") + BASE + raw(" WHERE ") + BASE
    sql += raw('."id" = ') + named(RECORD_ID, "text") + raw(" AND ") + condition
    given = inputs({RECORD_ID: place.record_id, SINCE_SHAPE: 0}, Facts.of(request))
    return await engine.pool.fetchrow(Statement.of(sql), given) is not None
