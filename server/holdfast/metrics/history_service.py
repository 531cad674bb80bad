"""The history as it is told: series over a time, the routes that come first in it, and what happened beside."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool, Row
from holdfast.expressions.moment import stamp
from holdfast.metrics.figures import NOTHING, Figures, RouteFigures, StatementFigures, in_turn, is_line, quantile
from holdfast.metrics.history_asked import SeriesAsked, Sort, Span, StatementsAsked, TopAsked
from holdfast.metrics.history_store import by_step, kept_days, moment, read_for
from holdfast.metrics.statements import texts_of

MOST_MARKS: Final = 200
_DIGITS: Final = 4
_SCHEMA_ACTIONS: Final = (
    "collection.created",
    "collection.updated",
    "collection.deleted",
    "collection.restored",
    "plugin.updated",
    "settings.updated",
)
# A process that takes the place of another of the same machine, role and number was started again.
_STARTS: Final = """
    SELECT p.started AS at, p.role, p.host, p.worker, p.version,
           (SELECT o.version FROM holdfast.processes AS o
             WHERE (o.role, o.host, o.worker) = (p.role, p.host, p.worker) AND o.started < p.started
             ORDER BY o.started DESC LIMIT 1) AS version_before
      FROM holdfast.processes AS p WHERE p.started >= $1 AND p.started < $2 ORDER BY p.started DESC LIMIT $3
"""
_MIGRATIONS: Final = """
    SELECT max(m.name) AS name, count(*) AS count, m.ran_on AT TIME ZONE 'UTC' AS at FROM holdfast.migration AS m
     WHERE m.ran_on AT TIME ZONE 'UTC' >= $1 AND m.ran_on AT TIME ZONE 'UTC' < $2
     GROUP BY m.ran_on ORDER BY m.ran_on DESC LIMIT $3
"""
_CHANGES: Final = """
    SELECT a.id, a.at, a.action, a.target_name FROM holdfast.audit AS a
     WHERE a.action = ANY ($4::text[]) AND a.at >= $1 AND a.at < $2 ORDER BY a.at DESC LIMIT $3
"""


async def view_series(pool: Pool, asked: SeriesAsked, days: int) -> dict[str, Any]:
    """The series; None where nothing is known of a step."""
    steps = await _steps(pool, asked.span)
    return await asyncio.to_thread(_series_json, asked, steps, days)


async def _steps(pool: Pool, span: Span) -> list[tuple[float, str]]:
    with as_api_errors():
        connection = await pool.acquire()
        try:
            return await read_for(connection, span.step, span.since, span.until)
        finally:
            pool.release(connection)


def _series_json(asked: SeriesAsked, rows: Iterable[tuple[float, str]], days: int) -> dict[str, Any]:
    span = asked.span
    known = by_step(rows, span.step)
    times = [span.since + span.step * at for at in range(int((span.until - span.since) // span.step))]
    found = [known.get(at, NOTHING) for at in times]
    return {
        "from": _stamp(span.since),
        "to": _stamp(span.until),
        "step": span.step,
        "kept": [{"step": step, "days": kept} for step, kept in kept_days(days).items() if kept],
        "series": [
            {
                "name": one.name,
                "unit": one.unit,
                "values": [None if of is NOTHING else _rounded(one.value(of)) for of in found],
            }
            for one in asked.series
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _stamp(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))


async def view_top(pool: Pool, asked: TopAsked) -> dict[str, Any]:
    """The routes that come first."""
    rows = await _steps(pool, asked.span)
    figures = await asyncio.to_thread(_all_of, rows, asked.span.step)
    found = [_route_json(name, one) for name, one in figures.routes.items() if not is_line(name)]
    found.sort(key=lambda one: _order(one, asked.sort), reverse=True)
    return {"from": _stamp(asked.span.since), "to": _stamp(asked.span.until), "items": found[: asked.limit]}


def _all_of(rows: Iterable[tuple[float, str]], step: int) -> Figures:
    return in_turn(by_step(rows, step).values())


def _order(one: Mapping[str, Any], sort: Sort) -> float:
    return one[sort] or 0.0


def _route_json(name: str, one: RouteFigures) -> dict[str, Any]:
    method, _, route = name.partition(" ")
    return {
        "method": method,
        "route": route,
        "count": one.requests,
        "refused": one.refused,
        "errors": one.failed,
        "mean": round(one.ms / one.requests, _DIGITS) if one.requests else 0.0,
        "p95": _rounded(quantile(one.spread, 0.95)),
    }


async def view_statements(pool: Pool, asked: StatementsAsked) -> dict[str, Any]:
    """The statements that come first."""
    rows = await _steps(pool, asked.span)
    figures = await asyncio.to_thread(_all_of, rows, asked.span.step)
    found = [_statement_json(id, one) for id, one in figures.statements.items()]
    found.sort(key=lambda one: one[asked.sort] or 0.0, reverse=True)
    first = found[: asked.limit]
    with as_api_errors():
        connection = await pool.acquire()
        try:
            texts = await texts_of(connection, [one["id"] for one in first])
        finally:
            pool.release(connection)
    items = [{**one, "text": texts.get(one["id"], "")} for one in first]
    return {"from": _stamp(asked.span.since), "to": _stamp(asked.span.until), "items": items}


def _statement_json(id: str, one: StatementFigures) -> dict[str, Any]:
    p95 = quantile(one.spread, 0.95)
    return {
        "id": id,
        "count": one.count,
        "mean": round(one.ms / one.count, _DIGITS) if one.count else 0.0,
        # A quantile is as fine as the bounds that runs are counted by: of few it can lie above the longest.
        "p95": _rounded(None if p95 is None else min(p95, one.most)),
        "max": round(one.most, _DIGITS),
        "total": round(one.ms, _DIGITS),
    }


async def view_marks(pool: Pool, span: Span) -> dict[str, Any]:
    """What happened in a time that charts can be read by, the newest first."""
    since, until = moment(span.since), moment(span.until)
    with as_api_errors():
        connection = await pool.acquire()
        try:
            starts = await connection.fetch(_STARTS, since, until, MOST_MARKS)
            migrations = await connection.fetch(_MIGRATIONS, since, until, MOST_MARKS)
            changes = await connection.fetch(_CHANGES, since, until, MOST_MARKS, list(_SCHEMA_ACTIONS))
        finally:
            pool.release(connection)
    found = [_start_json(row) for row in starts]
    found += [_migration_json(row) for row in migrations]
    for row in changes:
        kind = "schema" if row["action"].startswith("collection.") else "settings"
        found.append(_mark(row["at"], kind, f"{row['action']} {row['target_name']}".strip(), str(row["id"])))
    found.sort(key=lambda one: one["at"], reverse=True)
    return {"items": found[:MOST_MARKS]}


def _start_json(row: Row) -> dict[str, Any]:
    named = f"{row['role']} {row['worker']} on {row['host']}"
    before = row["version_before"]
    if before is None:
        return _mark(row["at"], "start", f"{named} began, {row['version']}")
    if before != row["version"]:
        return _mark(row["at"], "version", f"{named} went from {before} to {row['version']}")
    return _mark(row["at"], "restart", f"{named} began again")


def _migration_json(row: Row) -> dict[str, Any]:
    """What was applied in one transaction."""
    count, last = row["count"], row["name"]
    return _mark(row["at"], "migration", last if count == 1 else f"{count} migrations, up to {last}")


def _mark(at: datetime, kind: str, text: str, audit: str = "") -> dict[str, Any]:
    return {"at": stamp(at.astimezone(UTC)), "kind": kind, "text": text, "audit": audit}
