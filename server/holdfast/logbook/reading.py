"""Reads the kept log: a page of it, one line, how many there were in each stretch of time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from holdfast.catalog.scope import Scope
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.db.sql import EMPTY, Inputs, Sql, Statement, join, named, number, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.expressions.read import read_filter
from holdfast.http.request import Request
from holdfast.logbook.collection import LOGS, SOURCE
from holdfast.records.list import BASE, MAX_COUNTED, OFFSET, Rows, compile_count, compile_estimate
from holdfast.records.order import sort_keys
from holdfast.records.plan import inputs
from holdfast.records.query import ListQuery, from_query, refuse
from holdfast.rules.facts import Facts

NEWEST_FIRST: Final = "-created"
MOST_STRETCHES: Final = 2000
INTERVALS: Final[Mapping[str, int]] = {
    "1s": 1,
    "10s": 10,
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "1h": 3600,
    "6h": 21_600,
    "1d": 86_400,
}
"""Stretches of time by their names, in seconds."""
HOUR: Final = "1h"
_LINE: Final = raw(
    "SELECT base.id, holdfast.stamp(base.created) AS created, base.level, base.message, base.request,"
    " base.data::text AS data FROM "
)
_ONE: Final = Statement.of(_LINE + SOURCE + raw(" WHERE base.id = ") + named("id", "text") + raw(" LIMIT 1"))
_OF_REQUEST: Final = Statement.of(
    _LINE
    + SOURCE
    + raw(" WHERE base.request <> '' AND base.request = ")
    + named("request", "text")
    + raw(" ORDER BY base.created, base.id LIMIT 200")
)


class Part(msgspec.Struct, frozen=True):
    """Some of the lines: `rows` fulfil a filter, `given` are the values that it is run with, `order` is how they go."""

    rows: Rows
    given: Inputs
    order: Sql = EMPTY


async def list_lines(engine: Engine, pool: Pool, request: Request) -> dict[str, Any]:
    """A page of lines, the newest first unless `sort` says otherwise.

    Raises BadRequest, InvalidFilter and InvalidSort. The total is exact up to MAX_COUNTED and an estimate beyond,
    unless `count=exact` wants it counted.
    """
    query = from_query(request.query)
    part = _part(engine, request, query, sort=query.sort or NEWEST_FIRST)
    sql = _LINE + part.rows.source + _where(part) + part.order + raw(" LIMIT ") + number(query.per_page)
    sql += raw(" OFFSET ") + named(OFFSET, "bigint")
    with as_api_errors():
        rows = await pool.fetch(Statement.of(sql), part.given)
        total, estimate = await _total(pool, part, query, len(rows), exact="count" in request.query)
    page: dict[str, Any] = {
        "items": [line_json(row) for row in rows],
        "page": query.page,
        "perPage": query.per_page,
        "totalItems": total,
        "totalPages": -(-total // query.per_page) if total >= 0 else -1,
    }
    return page | ({"totalIsEstimate": True} if estimate else {})


async def view_line(pool: Pool, id: str) -> dict[str, Any]:
    """One line. Raises NotFound."""
    with as_api_errors():
        row = await pool.fetchrow(_ONE, Inputs(named={"id": id}))
    if row is None:
        raise NotFound("There is no line of this id in the log.")
    return line_json(row)


async def lines_of(pool: Pool, request_id: str) -> list[dict[str, Any]]:
    """All lines of one request, the oldest first."""
    with as_api_errors():
        rows = await pool.fetch(_OF_REQUEST, Inputs(named={"request": request_id}))
    return [line_json(row) for row in rows]


async def count_lines(engine: Engine, pool: Pool, request: Request) -> list[dict[str, Any]]:
    """How many lines there were in each stretch of time that has some, the oldest first, at most MOST_STRETCHES.

    Raises BadRequest and InvalidFilter.
    """
    interval = request.query.get("interval") or HOUR
    if interval not in INTERVALS:
        raise refuse("interval", f"It has to be one of {', '.join(INTERVALS)}.")
    part = _part(engine, request, from_query(request.query))
    width = raw("make_interval(secs => ") + value(INTERVALS[interval], "double precision") + raw(")")
    sql = (
        raw("SELECT holdfast.stamp(date_bin(")
        + width
        + raw(", base.created, '2000-01-01Z')) AS date, count(*) AS total,")
        + raw(" count(*) FILTER (WHERE base.level BETWEEN 1 AND 7) AS warnings,")
        + raw(" count(*) FILTER (WHERE base.level > 7) AS errors FROM ")
        + part.rows.source
        + _where(part)
        + raw(" GROUP BY 1 ORDER BY 1 DESC LIMIT ")
        + number(MOST_STRETCHES)
    )
    with as_api_errors():
        rows = await pool.fetch(Statement.of(sql), part.given)
    return [dict(row.items()) for row in reversed(rows)]


def _part(engine: Engine, request: Request, query: ListQuery, sort: str = "") -> Part:
    reading = read_filter(query.filter, dict(query.params)) if query.filter.strip() else None
    scope = Scope(engine.catalog, LOGS, BASE)
    condition = scope.condition(reading.tree) if reading is not None else EMPTY
    order = EMPTY
    if sort:
        order = raw(" ORDER BY ") + join(", ", [key.order for key in sort_keys(scope, sort, walk=False)])
    given = inputs({OFFSET: query.offset}, Facts.of(request), reading.literals if reading else ())
    return Part(Rows(SOURCE + scope.joins(), condition), given, order)


def _where(part: Part) -> Sql:
    return raw(" WHERE ") + part.rows.condition if part.rows.condition else EMPTY


async def _total(pool: Pool, part: Part, query: ListQuery, here: int, *, exact: bool) -> tuple[int, bool]:
    """How many lines there are, and whether that is an estimate; -1 where nobody wants to know."""
    if query.count == "none":
        return -1, False
    if here < query.per_page and (here or query.page == 1):
        return query.offset + here, False
    if exact and query.count == "exact":
        counted = raw("SELECT count(*) AS total FROM ") + part.rows.source + _where(part)
        row = await pool.fetchrow(Statement.of(counted), part.given)
        return (row["total"] if row else 0), False
    row = await pool.fetchrow(Statement.of(compile_count(part.rows)), part.given)
    found: int = row["total"] if row else 0
    if found <= MAX_COUNTED:
        return found, False
    return max(await _estimate(pool, part), found, query.offset + here), True


async def _estimate(pool: Pool, part: Part) -> int:
    row = await pool.fetchrow(Statement.of(compile_estimate(part.rows)), part.given)
    plans: Sequence[dict[str, Any]] = msgspec.json.decode(row[0]) if row is not None else ()
    return int(plans[0]["Plan"]["Plan Rows"]) if plans else 0


def line_json(row: Row) -> dict[str, Any]:
    """A line as the API writes it."""
    return {
        "id": row["id"],
        "created": row["created"],
        "level": row["level"],
        "message": row["message"],
        "request": row["request"],
        "data": msgspec.Raw(row["data"].encode()),
    }
