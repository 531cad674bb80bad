"""`/api/console/presence`: who else has a record open in the console, as their pages have said some seconds ago."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route, Schema

PATH: Final = "/api/console/presence"
FRESH: Final = "25 seconds"  # since a page has last said so; pages say it every 8
MAX_CHARS: Final = 100  # of each id
MOST_SHOWN: Final = 20
_TEXT: Final[Schema] = {"type": "string"}
_SHORT: Final = Problem("validation_invalid_value", f"Must be 1 to {MAX_CHARS} characters.")
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")
_NO_COLLECTION: Final = Problem("validation_invalid_value", "There is no such collection.")
_FLAG: Final = Problem("validation_invalid_value", "Has to be true or false.")
_TEXTS: Final = ("collection", "record", "page")
_PLACE: Final = (
    raw("collection_id = ") + named("collection", "text") + raw(" AND record_id = ") + named("record", "text")
)
_SAY: Final = Statement.of(
    raw("WITH gone AS (DELETE FROM holdfast.presence WHERE seen < now() - 2 * ")
    + value(FRESH, "text")
    + raw("::interval AND page <> ")
    + named("page", "text")
    + raw("), said AS (INSERT INTO holdfast.presence AS p")
    + raw(" (page, collection_id, record_id, owner, account, name, writes) VALUES (")
    + named("page", "text")
    + raw(", ")
    + named("collection", "text")
    + raw(", ")
    + named("record", "text")
    + raw(", ")
    + named("owner", "text")
    + raw(", ")
    + named("account", "text")
    + raw(", ")
    + named("name", "text")
    + raw(", ")
    + named("writes", "boolean")
    + raw(") ON CONFLICT (page, collection_id, record_id) DO UPDATE SET seen = now(), writes = excluded.writes,")
    + raw(" owner = excluded.owner, account = excluded.account, name = excluded.name)")
    + raw(" SELECT o.owner = ")
    + named("owner", "text")
    + raw(" AS own, coalesce(s.email, o.name) AS name, bool_or(o.writes) AS writes")
    + raw(" FROM holdfast.presence AS o LEFT JOIN public._superusers AS s ON s.id = o.account WHERE ")
    + _PLACE
    + raw(" AND o.page <> ")
    + named("page", "text")
    + raw(" AND o.seen > now() - ")
    + value(FRESH, "text")
    + raw("::interval GROUP BY 1, 2 ORDER BY 2 LIMIT ")
    + value(MOST_SHOWN, "bigint")
)
_LEAVE: Final = Statement.of(
    raw("DELETE FROM holdfast.presence WHERE page = ")
    + named("page", "text")
    + raw(" AND owner = ")
    + named("owner", "text")
)


class Here(msgspec.Struct, frozen=True):
    """A page that has a record open. `writes` is whether something is written there that is not saved."""

    collection: str
    record: str
    page: str
    writes: bool


def read_here(body: Mapping[str, Any]) -> Here:
    """What a page says. Raises ValidationFailed."""
    problems = {key: _UNKNOWN for key in body.keys() - {*_TEXTS, "writes"}}
    for name in _TEXTS:
        found = body.get(name)
        if not isinstance(found, str) or not 0 < len(found) <= MAX_CHARS or "\0" in found:
            problems[name] = _SHORT
    if not isinstance(body.get("writes"), bool):
        problems["writes"] = _FLAG
    if problems:
        raise ValidationFailed(problems)
    return Here(body["collection"], body["record"], body["page"], body["writes"])


async def put_presence(engine: Engine, request: Request) -> Response:
    """Say that a page has a record open, and hear who else has."""
    here = read_here(await request.object())
    collection = engine.catalog.find(here.collection)
    if collection is None:
        raise ValidationFailed({"collection": _NO_COLLECTION})
    who = request.principal
    inputs = {
        "page": here.page,
        "collection": collection.id,
        "record": here.record,
        "owner": who.key,
        "account": who.record_id,
        "name": who.name or who.kind,
        "writes": here.writes,
    }
    with as_api_errors():
        rows = await engine.pool.fetch(_SAY, Inputs(named=inputs))
    items = [{"name": row["name"], "own": row["own"], "writes": row["writes"]} for row in rows]
    return Response(body=msgspec.json.encode({"items": items}))


async def delete_presence(engine: Engine, request: Request) -> Response:
    """Say that a page has no record open any more."""
    with as_api_errors():
        inputs = Inputs(named={"page": request.params["page"], "owner": request.principal.key})
        await engine.pool.execute(_LEAVE, inputs)
    return NO_CONTENT


_ITEM: Final[Schema] = {
    "type": "object",
    "required": ["name", "own", "writes"],
    "properties": {"name": _TEXT, "own": {"type": "boolean"}, "writes": {"type": "boolean"}},
}

PRESENCE_ROUTES: Final = (
    Route(
        method="PUT",
        path=PATH,
        handler=put_presence,
        summary="Say that a page has a record open, and hear who else has",
        tag="console",
        body={
            "type": "object",
            "required": [*_TEXTS, "writes"],
            "properties": {**dict.fromkeys(_TEXTS, _TEXT), "writes": {"type": "boolean"}},
        },
        answer={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": _ITEM}}},
    ),
    Route(
        method="DELETE",
        path=PATH + "/{page}",
        handler=delete_presence,
        summary="Say that a page has no record open any more",
        tag="console",
        status=204,
    ),
)
