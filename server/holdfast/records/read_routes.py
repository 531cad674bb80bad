"""Reading records over HTTP: each handler plans, runs one statement and passes its JSON on."""

import asyncio
import time
from collections.abc import Hashable, Sequence
from typing import Any, Final

import msgspec

from holdfast.db.pool import Row
from holdfast.db.sql import Inputs, Statement
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.records.aggregate_query import read_aggregate
from holdfast.records.cursor import seal
from holdfast.records.hooked_reads import (
    after_aggregate,
    after_list,
    after_view,
    before_aggregate,
    before_list,
    before_view,
)
from holdfast.records.list import MAX_COUNTED, check_size
from holdfast.records.past_reading import list_bounds, view_bounds
from holdfast.records.plan import AggregatePlan, Asked, Plan, inputs, keep, plan_aggregate, plan_list, plan_view
from holdfast.records.query import ListQuery, from_body, from_query, read_as_of, refuse
from holdfast.records.render import compact, etag, is_match, is_nothing, render_groups, render_page, render_walk
from holdfast.records.view import RECORD_ID
from holdfast.rules.access import audience
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection

WHOLE: Final = ("", "")  # all fields of a record, and nothing beside it
KEPT_QUERY_BYTES: Final = 2048  # longer query strings are planned anew: they hardly come twice


async def list_records(engine: Engine, request: Request, collection: Collection) -> Response:
    """`GET .../records`: a page of the records that the caller may list."""
    asked = _asked(engine, request, collection)
    if engine.hooks.lists:
        return await _hooked_list(engine, request, asked, from_query(request.query))
    key = (asked.catalog.version, collection.id, asked.who, request.query_string)
    plan = engine.plans.get(key)
    if not isinstance(plan, Plan):
        plan = plan_list(engine.plans, asked, from_query(request.query), engine.secret)
        _keep(engine, request, key, plan, plan.compiled.statement)
    headers = _stands(engine)
    return Response(body=await _page(engine, request, plan), headers=headers)


async def query_records(engine: Engine, request: Request, collection: Collection) -> Response:
    """`POST .../records/query`: the same, with the parameters in a JSON body."""
    asked = _asked(engine, request, collection)
    query = from_body(await request.object())
    if engine.hooks.lists:
        return await _hooked_list(engine, request, asked, query)
    plan = plan_list(engine.plans, asked, query, engine.secret)
    headers = _stands(engine)
    return Response(body=await _page(engine, request, plan), headers=headers)


async def _hooked_list(engine: Engine, request: Request, asked: Asked, query: ListQuery) -> Response:
    """A page as plugins leave it: they may ask otherwise, so that nothing is kept under the request's own words."""
    query = await before_list(engine, request, asked.collection, query)
    plan = plan_list(engine.plans, asked, query, engine.secret)
    headers = _stands(engine)
    body = await after_list(engine, request, asked.collection, await _page(engine, request, plan))
    return Response(body=body, headers=headers)


async def view_record(engine: Engine, request: Request, collection: Collection, record_id: str) -> Response:
    """`GET .../records/{id}`: one record, with its `ETag`; 304 where the caller has it already."""
    asked = _asked(engine, request, collection)
    shape, as_of = WHOLE, None
    if request.query_string:
        query = request.query
        if query.get("deleted"):
            raise refuse("deleted", "Only lists know it; the history of a record has what it was.")
        shape = (query.get("fields", ""), query.get("expand", ""))
        as_of = read_as_of(query) if "asOf" in query else None
    hooks = engine.host.hooks
    if hooks.record_before_view:
        shape = await before_view(engine, request, collection, record_id, shape)
    compiled = plan_view(engine.plans, asked, shape, "" if as_of is None else "asOf")
    statement = compiled.statement
    if len(statement.reads) == 1:  # the id: no rule asks for anything
        args: list[object] = [record_id]
    else:
        bounds = {} if as_of is None else await view_bounds(engine, collection, as_of)
        args = statement.args(inputs({RECORD_ID: record_id, **bounds}, Facts.of(request)))
    started = time.perf_counter()
    try:
        row = await engine.pool.fetchrow_text(statement.text, args)
    finally:
        request.database_seconds += time.perf_counter() - started
    if row is None:
        raise NotFound
    check_size(row[0])
    body = compact(row[0].encode(), spaced=compiled.spaced)
    if hooks.record_after_view:
        body = await after_view(engine, request, collection, body)
    tag = etag(row[1], body)
    if b"if-none-match" in request.headers and is_match(tag, request.headers[b"if-none-match"]):
        return Response(304, headers=((b"etag", tag),))
    return Response(body=body, headers=((b"etag", tag),))


async def aggregate_records(engine: Engine, request: Request, collection: Collection) -> Response:
    """`GET .../records/aggregate`: counts and sums of the records that the caller may list, by groups."""
    asked = _asked(engine, request, collection)
    if engine.hooks.aggregates:
        query = await before_aggregate(engine, request, collection, read_aggregate(request.query))
        body = await _groups(engine, request, plan_aggregate(engine.plans, asked, query))
        return Response(body=await after_aggregate(engine, request, collection, body))
    key = (asked.catalog.version, collection.id, asked.who, "aggregate", request.query_string)
    plan = engine.plans.get(key)
    if not isinstance(plan, AggregatePlan):
        plan = plan_aggregate(engine.plans, asked, read_aggregate(request.query))
        _keep(engine, request, key, plan, plan.statement)
    return Response(body=await _groups(engine, request, plan))


async def _groups(engine: Engine, request: Request, plan: AggregatePlan) -> bytes:
    row = await _fetch(engine, request, plan.statement, inputs({}, Facts.of(request), plan.literals))
    items: str | None = None if row is None else row[0]
    if plan.guarded and is_nothing(items):
        await _hold_back(engine, request)
    return render_groups(items)


def _keep(engine: Engine, request: Request, key: Hashable, plan: object, statement: Statement) -> None:
    if len(request.query_string) <= KEPT_QUERY_BYTES:
        keep(engine.plans, key, plan, statement)


def _stands(engine: Engine) -> tuple[tuple[bytes, bytes], ...]:
    """Where the log of events stood before a list was read: who subscribes from there misses nothing."""
    newest = engine.feed.newest
    return () if newest is None else ((b"x-event-seq", str(newest).encode()),)


def _asked(engine: Engine, request: Request, collection: Collection) -> Asked:
    return Asked(engine.live.now, collection, audience(request.principal))


async def _page(engine: Engine, request: Request, plan: Plan) -> bytes:
    query = plan.query
    named = plan.named if not query.past else {**plan.named, **await list_bounds(engine, request, query)}
    given = inputs(named, Facts.of(request), plan.literals)
    row = await _fetch(engine, request, plan.compiled.statement, given)
    items: str | None = None if row is None else row[0]
    if items is None and plan.guarded:
        await _hold_back(engine, request)
    if query.cursor is not None:
        position: Sequence[str | None] | None = None if row is None else row[1]
        cursor = None if position is None else seal(engine.secret, plan.context, tuple(position))
        return compact(render_walk(items, query.per_page, cursor), spaced=plan.compiled.spaced)
    total: int | None = row[1] if row is not None and query.count != "none" else None
    estimate = False
    if total is not None and plan.compiled.estimate is not None:
        total, estimate = await _estimate(engine, request, plan, given, total)
    return compact(
        render_page(items, query.page, query.per_page, total, estimate=estimate), spaced=plan.compiled.spaced
    )


async def _estimate(engine: Engine, request: Request, plan: Plan, given: Inputs, here: int) -> tuple[int, bool]:
    """The total and whether it is an estimate, given how many records are on the page.

    A second statement, because EXPLAIN cannot be part of one; it is not needed where the page is the last one.
    """
    query, compiled = plan.query, plan.compiled
    seen = query.offset + here
    if here < query.per_page and (here or query.page == 1):
        return seen, False
    if compiled.counted is not None:
        row = await _fetch(engine, request, compiled.counted, given)
        counted: int = 0 if row is None else row[0]
        if counted <= MAX_COUNTED:
            return counted, False
        seen = max(seen, counted)
    row = None if compiled.estimate is None else await _fetch(engine, request, compiled.estimate, given)
    plans: list[dict[str, Any]] = msgspec.json.decode(row[0]) if row is not None else []
    expected = int(plans[0]["Plan"]["Plan Rows"]) if plans else 0
    return max(expected, seen), True


async def _hold_back(engine: Engine, request: Request) -> None:
    """Let the caller wait if this is one of many searches that found nothing: their times could tell of hidden rows."""
    seconds = engine.slowing.pause(request)
    if seconds:
        await asyncio.sleep(seconds)


async def _fetch(engine: Engine, request: Request, statement: Statement, given: Inputs) -> Row | None:
    started = time.perf_counter()
    try:
        row = await engine.pool.fetchrow_text(statement.text, statement.args(given))
    finally:
        request.database_seconds += time.perf_counter() - started
    if row is not None:
        check_size(row[0])
    return row
