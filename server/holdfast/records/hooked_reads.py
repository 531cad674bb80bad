"""What plugins do around a read: they may ask otherwise, and change what goes out."""

from functools import partial

import msgspec

from holdfast.engine import Engine
from holdfast.hooks.calling import call
from holdfast.hooks.origin import Origin
from holdfast.http.request import Request
from holdfast.plugin import AggregateQuery as GivenAggregate
from holdfast.plugin import Answer, RecordQuery, RecordView
from holdfast.records.aggregate_query import AggregateQuery, read_aggregate
from holdfast.records.query import ListQuery, from_body
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection


def origin_of(request: Request, collection: Collection) -> Origin:
    """For what the hooks of a read are called."""
    facts = partial(Facts.of, request)
    return Origin(who=request.principal, request_id=request.id, collection=collection, facts=facts)


async def before_list(engine: Engine, request: Request, collection: Collection, query: ListQuery) -> ListQuery:
    """The query as plugins leave it. Raises what they refuse it with, and BadRequest for what cannot be asked."""
    calls = engine.hooks.record_before_list
    if not calls:
        return query
    given = _given(query)
    await call(calls, origin_of(request, collection), given)
    asked = from_body({**msgspec.to_builtins(given), "perPage": given.per_page, "p": given.params})
    return msgspec.structs.replace(
        query,
        filter=asked.filter,
        sort=asked.sort,
        search=asked.search,
        fields=asked.fields,
        expand=asked.expand,
        page=asked.page,
        per_page=asked.per_page,
        params=asked.params,
    )


def _given(query: ListQuery) -> RecordQuery:
    return RecordQuery(
        filter=query.filter,
        sort=query.sort,
        search=query.search,
        fields=query.fields,
        expand=query.expand,
        page=query.page,
        per_page=query.per_page,
        params=dict(query.params),
    )


async def after_list(engine: Engine, request: Request, collection: Collection, body: bytes) -> bytes:
    """The answer as plugins leave it. Raises what they refuse it with."""
    answer = Answer(body)
    await call(engine.hooks.record_after_list, origin_of(request, collection), answer)
    return answer.body


async def before_view(
    engine: Engine, request: Request, collection: Collection, record_id: str, shape: tuple[str, str]
) -> tuple[str, str]:
    """The `fields` and `expand` as plugins leave them. Raises what they refuse it with."""
    given = RecordView(record_id, *shape)
    await call(engine.hooks.record_before_view, origin_of(request, collection), given)
    return given.fields, given.expand


async def after_view(engine: Engine, request: Request, collection: Collection, body: bytes) -> bytes:
    """The record as plugins leave it. Raises what they refuse it with."""
    answer = Answer(body)
    await call(engine.hooks.record_after_view, origin_of(request, collection), answer)
    return answer.body


async def before_aggregate(
    engine: Engine, request: Request, collection: Collection, query: AggregateQuery
) -> AggregateQuery:
    """The query as plugins leave it. Raises what they refuse it with, and BadRequest for what cannot be asked."""
    calls = engine.hooks.record_before_aggregate
    if not calls:
        return query
    given = GivenAggregate(
        group_by=",".join(query.group_by),
        select=",".join(measure.text for measure in query.select),
        filter=query.filter,
        sort=",".join(f"-{text}" if is_descending else text for text, is_descending in query.sort),
        limit=query.limit,
        params=dict(query.params),
    )
    await call(calls, origin_of(request, collection), given)
    asked = {"groupBy": given.group_by, "select": given.select, "filter": given.filter, "sort": given.sort}
    named = {f"p.{name}": value for name, value in given.params.items()}
    return read_aggregate({**asked, "limit": given.limit, **named})


async def after_aggregate(engine: Engine, request: Request, collection: Collection, body: bytes) -> bytes:
    """The answer as plugins leave it. Raises what they refuse it with."""
    calls = engine.hooks.record_after_aggregate
    if not calls:
        return body
    answer = Answer(body)
    await call(calls, origin_of(request, collection), answer)
    return answer.body
