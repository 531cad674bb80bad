"""The versions of a record, page by page."""

from collections.abc import Mapping
from typing import Any, Final

from holdfast.audit.naming import names_of
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.events.catching_up import caught_up
from holdfast.history import store
from holdfast.history.seeing import look, place_of
from holdfast.history.shown import version_json
from holdfast.http.request import Request
from holdfast.records.query import MAX_PAGE, PER_PAGE, read_whole, refuse

MAX_VERSIONS: Final = 100  # on a page: each has a whole record


async def list_versions(engine: Engine, request: Request) -> dict[str, Any]:
    """The versions, the newest first, and last what the record was before them if it was there before them.

    What was written before the request is among them. Raises what `look` raises, BadRequest, and Unavailable.
    """
    page, per_page = _asked(request.query)
    place = place_of(engine, request)
    with as_api_errors():
        await caught_up(engine.pool, place.collection.id)
        seen = await look(engine, request, place)
        offset = (page - 1) * per_page
        total = await store.count(engine.pool, place.collection, place.record_id)
        found = await store.page(engine.pool, place.collection, place.record_id, limit=per_page, offset=offset)
        first = await store.first_of(engine.pool, place.collection, place.record_id)
    if first is not None and offset <= total < offset + per_page:
        found.append(first)
    people = [(one.collection, one.id) for one in (version.context.actor for version in found) if one is not None]
    named = people if seen.readable is None else []
    names = await names_of(engine.pool, place.catalog.collections, named)
    total += first is not None
    return {
        "items": [version_json(one, place.collection, seen.readable, names) for one in found],
        "page": page,
        "perPage": per_page,
        "totalItems": total,
        "totalPages": -(-total // per_page),
    }


def _asked(query: Mapping[str, str]) -> tuple[int, int]:
    page, per_page = read_whole(query, "page", 1), read_whole(query, "perPage", PER_PAGE)
    if page > MAX_PAGE:
        raise refuse("page", f"The last page that can be asked for is {MAX_PAGE}.")
    return max(page, 1), min(per_page, MAX_VERSIONS) if per_page > 0 else PER_PAGE
