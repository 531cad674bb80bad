"""`/api/metrics`: the history of what is measured, for superusers."""

from typing import Any, Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route, Schema
from holdfast.metrics.history_asked import (
    LISTED,
    MOST_LISTED,
    SORTS,
    STATEMENT_SORTS,
    read_marks_asked,
    read_series_asked,
    read_statements_asked,
    read_top_asked,
)
from holdfast.metrics.history_service import view_marks, view_series, view_statements, view_top
from holdfast.metrics.series import SERIES
from holdfast.metrics.sizes import Growth, growth
from holdfast.metrics.statements import view_statement

PATH: Final = "/api/metrics"
MARKS: Final = ("start", "restart", "version", "migration", "schema", "settings")
_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_FROM: Final = Parameter("from", "The first moment; an hour before `to` if absent.")
_TO: Final = Parameter("to", "The moment after the last; now if absent.")


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(**properties: Schema) -> Schema:
    return {"type": "array", "items": _object(**properties)}


_SERIES: Final = _object(
    **{"from": _TEXT, "to": _TEXT},
    step={"type": "integer", "description": "How long a step is, in seconds: value i belongs to from + i * step."},
    kept=_list(step=_WHOLE, days=_WHOLE),
    series=_list(
        name={"enum": [one.name for one in SERIES]},
        unit=_TEXT,
        values={"type": "array", "items": {"type": ["number", "null"]}},
    ),
)
_TOP: Final = _object(
    **{"from": _TEXT, "to": _TEXT},
    items=_list(
        method=_TEXT,
        route=_TEXT,
        count=_WHOLE,
        refused={"type": "integer", "description": "Those of them with a 4xx."},
        errors={"type": "integer", "description": "Those of them with a 5xx."},
        mean={"type": "number", "description": "Milliseconds."},
        p95={"type": ["number", "null"], "description": "Milliseconds."},
    ),
)
_MARKS: Final = _object(
    items=_list(
        at=_TEXT,
        kind={"enum": list(MARKS)},
        text=_TEXT,
        audit={"type": "string", "description": "The id of the entry in the audit log, where there is one."},
    )
)
_STATEMENTS: Final = _object(
    **{"from": _TEXT, "to": _TEXT},
    items=_list(
        id=_TEXT,
        text={"type": "string", "description": "As PostgreSQL gets it: values are $1 and so on."},
        count=_WHOLE,
        mean={"type": "number", "description": "Milliseconds, as are p95, max and total."},
        p95={"type": ["number", "null"]},
        max=_NUMBER,
        total=_NUMBER,
    ),
)
_STATEMENT: Final = _object(
    id=_TEXT,
    text=_TEXT,
    plan={"type": ["array", "null"], "items": {"type": "object"}, "description": "As EXPLAIN (FORMAT JSON) tells it."},
    reason={"type": "string", "description": "Why there is no plan."},
)
_SIZES: Final = _object(
    items=_list(
        collection={"type": "string", "description": "Its id."},
        name=_TEXT,
        rows=_NUMBER,
        exact={"type": "boolean", "description": "Whether they were counted, and not estimated."},
        before={"type": ["number", "null"], "description": "How many there were at the beginning of `since`."},
        beforeExact={"type": "boolean"},
        since={"type": "string", "description": "A day, at most 7 days ago; empty where none is known."},
    )
)


def history_routes(pool: Pool, days: int) -> tuple[Route, ...]:
    """The routes of a process: they read on connections of their own, so that they hold up no record."""

    async def series(_: Engine, request: Request) -> Response:
        return _answer(await view_series(pool, read_series_asked(request.query), days))

    async def top(_: Engine, request: Request) -> Response:
        return _answer(await view_top(pool, read_top_asked(request.query)))

    async def statements(_: Engine, request: Request) -> Response:
        return _answer(await view_statements(pool, read_statements_asked(request.query)))

    async def statement(_: Engine, request: Request) -> Response:
        return _answer(await view_statement(pool, request.params["id"]))

    async def marks(_: Engine, request: Request) -> Response:
        return _answer(await view_marks(pool, read_marks_asked(request.query)))

    async def collections(engine: Engine, _: Request) -> Response:
        with as_api_errors():
            found = await growth(pool, engine.catalog)
        return _answer({"items": [_growth_json(engine, one) for one in found]})

    step = Parameter("step", "A multiple of 60, in seconds; one that makes at most 400 steps if absent.", _WHOLE)
    names = Parameter("names", "Names of series, with commas between them; all if absent.")
    tops = (
        Parameter("by", "What is told apart.", {"enum": ["route"]}),
        Parameter("sort", "Which come first: count if absent.", {"enum": list(SORTS)}),
        Parameter("limit", f"How many: {LISTED}, at most {MOST_LISTED}.", _WHOLE),
    )
    slow = (
        Parameter("sort", "Which come first: total if absent.", {"enum": list(STATEMENT_SORTS)}),
        Parameter("limit", f"How many: {LISTED}, at most {MOST_LISTED}.", _WHOLE),
    )
    return (
        _route("/statements", statements, "The statements that took long in a time", _STATEMENTS, (*slow, _FROM, _TO)),
        _route("/statements/{id}", statement, "A statement with its plan; it is not run", _STATEMENT),
        _route("/series", series, "What was measured, over a time", _SERIES, (names, _FROM, _TO, step)),
        _route("/top", top, "The routes that were busiest or slowest in a time", _TOP, (*tops, _FROM, _TO)),
        _route("/marks", marks, "Starts, migrations and changes in a time", _MARKS, (_FROM, _TO)),
        _route("/collections", collections, "How many records collections have, and had a week ago", _SIZES),
    )


def _route(path: str, handler: Any, summary: str, answer: Schema, parameters: tuple[Parameter, ...] = ()) -> Route:
    return Route(
        method="GET",
        path=PATH + path,
        handler=handler,
        summary=summary,
        tag="metrics",
        parameters=parameters,
        answer=answer,
    )


def _growth_json(engine: Engine, one: Growth) -> dict[str, Any]:
    return {
        "collection": one.now.collection,
        "name": engine.catalog.name_of(one.now.collection),
        "rows": one.now.rows,
        "exact": one.now.exact,
        "before": None if one.before is None else one.before.rows,
        "beforeExact": one.before is not None and one.before.exact,
        "since": "" if one.since is None else one.since.isoformat(),
    }


def _answer(found: dict[str, Any]) -> Response:
    return Response(body=msgspec.json.encode(found), headers=((b"cache-control", b"no-store"),))
