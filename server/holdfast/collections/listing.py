"""A page of the collections, as PocketBase's clients ask for it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import BadRequest, InvalidSort
from holdfast.schema.collection import Collection
from holdfast.schema.rendering import collection_json

PER_PAGE: Final = 30
MAX_PER_PAGE: Final = 1000
_TRUE: Final = frozenset(("1", "true", "True", "TRUE", "t"))
_KEYS: Final[Mapping[str, Callable[[Collection], Any]]] = {
    "id": lambda collection: collection.id,
    "name": lambda collection: collection.name,
    "type": lambda collection: collection.type,
    "system": lambda collection: collection.system,
    "created": lambda collection: collection.created,
    "updated": lambda collection: collection.updated,
}


def page_of(catalog: Catalog, query: Mapping[str, str]) -> dict[str, Any]:
    """The page that a query string asks for. Raises BadRequest."""
    page = max(1, _whole(query, "page", 1))
    asked = _whole(query, "perPage", PER_PAGE)
    per_page = min(asked, MAX_PER_PAGE) if asked > 0 else PER_PAGE
    found = sorted_by(list(catalog.collections), query.get("sort", ""))
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
    if not text.lstrip("+-").isdecimal() or not text.isascii() or len(text) > 10:
        raise BadRequest(f"The parameter {name} has to be a whole number.")
    return int(text)


def sorted_by(collections: list[Collection], sort: str) -> list[Collection]:
    """The collections in the order that a `sort` parameter asks for. Raises InvalidSort."""
    found = collections
    for part in reversed([part.strip() for part in sort.split(",") if part.strip()]):
        name = part.lstrip("+-")
        if name == "@rowid":  # the order in which they were made, which they have already
            found = found[::-1] if part.startswith("-") else found
            continue
        key = _KEYS.get(name)
        if key is None:
            raise InvalidSort(f"Collections cannot be sorted by {name[:100]}; they can by {', '.join(_KEYS)}.")
        found = sorted(found, key=key, reverse=part.startswith("-"))
    return found
