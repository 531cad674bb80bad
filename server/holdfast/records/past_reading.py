"""How far back a collection's past can be read, and by whom."""

from datetime import datetime, timedelta
from typing import Final

from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden
from holdfast.events.remembering import keeps_history
from holdfast.expressions.moment import stamp
from holdfast.http.request import Request
from holdfast.records.past import AS_OF, SINCE_SHAPE
from holdfast.records.plan import SHOWN
from holdfast.records.query import ListQuery, refuse
from holdfast.schema.collection import Collection

AHEAD: Final = timedelta(minutes=1)  # by which a client's clock may be fast
RANGE: Final = "validation_out_of_range"
_REACH: Final = Statement.of(
    raw("SELECT now() AS now, greatest(shape.began, now() - make_interval(days => nullif(")
    + named("days", "integer")
    + raw(", 0))) AS since, (SELECT min(e.id) FROM holdfast.history_shapes AS e WHERE")
    + raw(" e.collection_id = shape.collection_id AND e.began = shape.began) AS first")
    + raw(" FROM holdfast.history_shapes AS shape WHERE shape.last IS NULL AND shape.collection_id = ")
    + named("collection", "text")
)
_ANY: Final = Statement.of(
    raw("SELECT FROM holdfast.history_shapes WHERE collection_id = ") + named("collection", "text") + raw(" LIMIT 1")
)


async def list_bounds(engine: Engine, request: Request, query: ListQuery) -> dict[str, object]:
    """What a list of the past is run with besides its plan. Raises BadRequest and Forbidden."""
    collection = engine.catalog.get(request.collection)
    if query.as_of is not None:
        return await view_bounds(engine, collection, query.as_of)
    if not request.principal.is_superuser:
        raise Forbidden("Only superusers may list what was deleted.")
    if not await has_history(engine, collection):
        raise no_history(collection, "deleted")
    return {SINCE_SHAPE: 0}


async def view_bounds(engine: Engine, collection: Collection, as_of: datetime) -> dict[str, object]:
    """What a statement about a moment is run with. Raises BadRequest where nothing is known of it."""
    inputs = Inputs(named={"collection": collection.id, "days": collection.history_days})
    row = await engine.pool.fetchrow(_REACH, inputs) if keeps_history(collection) else None
    if row is None:
        raise no_history(collection, "asOf")
    if as_of + SHOWN < row["since"]:
        raise refuse("asOf", f"The history of {collection.name} begins at {stamp(row['since'])}.", RANGE)
    if as_of > row["now"] + AHEAD:
        raise refuse("asOf", "It lies in the future.", RANGE)
    return {AS_OF: as_of + SHOWN, SINCE_SHAPE: row["first"]}


async def has_history(engine: Engine, collection: Collection) -> bool:
    """Whether versions of the collection's records are kept, or were."""
    return await engine.pool.fetchrow(_ANY, Inputs(named={"collection": collection.id})) is not None


def no_history(collection: Collection, parameter: str) -> BadRequest:
    """The error for a question about the past of a collection that has none."""
    return refuse(parameter, f"{collection.name} keeps no history: a superuser can turn on its option `history`.")
