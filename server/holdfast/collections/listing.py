"""A page of the collections, with PocketBase's `page`, `perPage`, `sort`, `filter` and `skipTotal`."""

from collections.abc import Mapping
from typing import Any, Final

from holdfast.catalog.scope import Scope
from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Sql, Statement, join, raw
from holdfast.errors import BadRequest
from holdfast.expressions.read import Reading, read_filter
from holdfast.schema.bool import BoolField
from holdfast.schema.collection import Collection
from holdfast.schema.rendering import collection_json
from holdfast.schema.system_fields import date_fields
from holdfast.schema.text import TextField

PER_PAGE: Final = 30
MAX_PER_PAGE: Final = 1000
_TRUE: Final = frozenset(("1", "true", "True", "TRUE", "t", "T"))
_ROW: Final = raw("listed")
_COLLECTIONS: Final = Collection(
    id="collections",
    name="collections",
    fields=(
        *(TextField(id=name, name=name) for name in ("id", "name", "type")),
        BoolField(id="system", name="system"),
        *date_fields(),
    ),
)
"""The table of collections as if it were one of them, so that filters and sorts mean here what they mean elsewhere."""


async def page_of(pool: Pool, catalog: Catalog, query: Mapping[str, str]) -> dict[str, Any]:
    """The page that a query string asks for. Raises BadRequest for what cannot be asked for."""
    page = max(1, _whole(query, "page", 1))
    asked = _whole(query, "perPage", PER_PAGE)
    per_page = min(asked, MAX_PER_PAGE) if asked > 0 else PER_PAGE
    found = await _matching(pool, catalog, query.get("filter", ""), query.get("sort", ""))
    start = (page - 1) * per_page
    counted = query.get("skipTotal", "") not in _TRUE
    return {
        "items": [collection_json(one) for one in found[start : start + per_page]],
        "page": page,
        "perPage": per_page,
        "totalItems": len(found) if counted else -1,
        "totalPages": -(-len(found) // per_page) if counted else -1,
    }


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.lstrip("+-").isdecimal() or len(text) > 10:
        raise BadRequest(f"The parameter {name} has to be a whole number of at most 9 digits.")
    return int(text)


async def _matching(pool: Pool, catalog: Catalog, filter: str, sort: str) -> list[Collection]:
    """The collections that a filter lets pass, in the order of a sort, else in that of their creation."""
    if not filter.strip() and not sort.strip():
        return list(catalog.collections)
    reading = read_filter(filter) if filter.strip() else None
    literals = () if reading is None else reading.literals
    rows = await pool.fetch(Statement.of(_select(reading, sort)), Inputs(literals))
    return [catalog.by_id[row["id"]] for row in rows if row["id"] in catalog.by_id]


def _select(reading: Reading | None, sort: str) -> Sql:
    scope = Scope(Catalog.of(0, [_COLLECTIONS]), _COLLECTIONS, _ROW)
    condition = raw("true") if reading is None else scope.condition(reading.tree)
    ways = (raw(" ASC NULLS FIRST"), raw(" DESC NULLS LAST"))
    order = [key.sql + ways[key.descending] for key in scope.sort(sort)]
    return (
        raw("SELECT listed.id FROM holdfast.collections AS listed")
        + scope.joins()
        + raw(" WHERE ")
        + condition
        + raw(" ORDER BY ")
        + join(", ", [*order, raw("listed.position")])
    )
