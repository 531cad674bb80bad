"""`/api/console/layouts/diagram`: where the diagram of the collections has them, for superusers."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import raw, value
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route, Schema

PATH: Final = "/api/console/layouts/diagram"
MOST_PLACES: Final = 5000
FARTHEST: Final = 1_000_000.0  # pixels from the middle
MAX_ID_CHARS: Final = 100
_DIAGRAM: Final = "diagram"
_WRONG: Final = Problem(
    "validation_invalid_value", f"Must be at most {MOST_PLACES} ids of collections, each with numbers x and y."
)
_PLACE: Final[Schema] = {
    "type": "object",
    "required": ["x", "y"],
    "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
}
_LAYOUT: Final[Schema] = {
    "type": "object",
    "required": ["positions"],
    "properties": {"positions": {"type": "object", "additionalProperties": _PLACE}},
}


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a collection stands."""

    x: float
    y: float

    @property
    def is_sound(self) -> bool:
        """Whether somebody could find it there."""
        return all(math.isfinite(one) and abs(one) <= FARTHEST for one in (self.x, self.y))


def read_places(body: Mapping[str, Any]) -> dict[str, Place]:
    """The places that a body gives. Raises ValidationFailed."""
    unknown = body.keys() - {"positions"}
    if unknown:
        gone = Problem("validation_unknown_key", "There is no such key here.")
        raise ValidationFailed(dict.fromkeys(sorted(unknown), gone))
    try:
        found = msgspec.convert(body.get("positions"), dict[str, Place])
    except msgspec.ValidationError as failure:
        raise ValidationFailed({"positions": _WRONG}) from failure
    ids = all(0 < len(id) <= MAX_ID_CHARS and "\0" not in id for id in found)
    if len(found) > MOST_PLACES or not ids or not all(place.is_sound for place in found.values()):
        raise ValidationFailed({"positions": _WRONG})
    return found


async def get_layout(engine: Engine, _: Request) -> Response:
    """The places that are kept; those of collections that are gone are left out."""
    sql = raw("SELECT l.positions::text AS positions FROM holdfast.layouts AS l WHERE l.name = ")
    async with engine.pool.transaction() as tx:
        row = await tx.fetchrow(sql + value(_DIAGRAM, "text"))
    found = {} if row is None else msgspec.json.decode(row["positions"], type=dict[str, Place])
    there = {id: place for id, place in found.items() if id in engine.catalog.by_id}
    return Response(body=msgspec.json.encode({"positions": there}))


async def put_layout(engine: Engine, request: Request) -> Response:
    """Keep these places, and no others."""
    places = msgspec.json.encode(read_places(await request.object())).decode()
    sql = raw("INSERT INTO holdfast.layouts (name, positions) VALUES (") + value(_DIAGRAM, "text") + raw(", ")
    sql += value(places, "jsonb")
    sql += raw(") ON CONFLICT (name) DO UPDATE SET positions = excluded.positions, updated = now()")
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await tx.execute(sql)
    return NO_CONTENT


LAYOUT_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=get_layout,
        summary="Where the diagram has the collections",
        tag="console",
        answer=_LAYOUT,
    ),
    Route(
        method="PUT",
        path=PATH,
        handler=put_layout,
        summary="Keep where the diagram has the collections",
        tag="console",
        body=_LAYOUT,
        status=204,
    ),
)
