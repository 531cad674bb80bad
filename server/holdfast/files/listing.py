"""The files that there are, a page at a time: for people who look for one, or for what takes the room."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Sql, Statement, join, number, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem

MOST: Final = 200
USUAL: Final = 50
MAX_PAGE: Final = 100_000
SORTS: Final[Mapping[str, Sql]] = {
    "-created": raw("f.created DESC, f.key"),
    "created": raw("f.created, f.key"),
    "-size": raw("f.size DESC, f.key"),
    "size": raw("f.size, f.key"),
    "name": raw("f.name, f.key"),
}
_COLUMNS: Final = raw(
    "SELECT f.collection_id, f.record_id, f.name, f.field_id, f.size, f.media_type,"
    " holdfast.stamp(f.created) AS created, f.unused IS NOT NULL AS unused FROM holdfast.files AS f WHERE "
)


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """A file: whose it is, and whether no record holds it any more."""

    collection_id: str
    collection_name: str
    record_id: str
    field: str
    name: str
    size: int
    media_type: str
    created: str
    unused: bool


class Asked(msgspec.Struct, frozen=True):
    """Which files, in which order, and which page of them."""

    collection: str
    name: str
    unused: bool | None
    sort: str
    page: int
    per_page: int


def read_listing(query: Mapping[str, str]) -> Asked:
    """What a request asks for. Raises BadRequest."""
    sort = query.get("sort", "") or "-created"
    if sort not in SORTS:
        raise _refuse("sort", f"It has to be one of {', '.join(SORTS)}.")
    unused = query.get("unused", "")
    if unused not in ("", "true", "false"):
        raise _refuse("unused", "It has to be true or false.")
    name = query.get("name", "")
    if len(name) > MOST or "\0" in name:
        raise _refuse("name", f"It may have at most {MOST} characters.")
    return Asked(
        collection=query.get("collection", ""),
        name=name,
        unused=None if unused == "" else unused == "true",
        sort=sort,
        page=_whole(query, "page", 1, MAX_PAGE),
        per_page=_whole(query, "perPage", USUAL, MOST),
    )


def _whole(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    given = query.get(name, "")
    if not given:
        return usual
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:10]) <= most:
        raise _refuse(name, f"It has to be a whole number from 1 to {most}.")
    return int(given)


def _refuse(name: str, message: str) -> BadRequest:
    problem = Problem("validation_invalid_value", message)
    return BadRequest(f"The parameter {name} cannot be used: {message}", data={name: problem})


async def list_files(engine: Engine, asked: Asked) -> dict[str, Any]:
    """A page of files. Reads the whole register: for people, not for each request. Raises NotFound, Unavailable."""
    where = [raw("true")]
    if asked.collection:
        where.append(raw("f.collection_id = ") + value(engine.catalog.get(asked.collection).id, "text"))
    if asked.name:
        where.append(raw("strpos(lower(f.name), lower(") + value(asked.name, "text") + raw(")) > 0"))
    if asked.unused is not None:
        where.append(raw("f.unused IS NOT NULL") if asked.unused else raw("f.unused IS NULL"))
    sql = _COLUMNS + join(" AND ", where) + raw(" ORDER BY ") + SORTS[asked.sort]
    sql += raw(" LIMIT ") + number(asked.per_page + 1) + raw(" OFFSET ") + number((asked.page - 1) * asked.per_page)
    with as_api_errors():
        rows = await engine.pool.fetch(Statement.of(sql))
    items = [_listed(engine, dict(row.items())) for row in rows[: asked.per_page]]
    return {"items": items, "page": asked.page, "more": len(rows) > asked.per_page}


def _listed(engine: Engine, row: Mapping[str, Any]) -> Listed:
    collection = engine.catalog.by_id.get(row["collection_id"])
    field = None if collection is None else collection.by_id.get(row["field_id"])
    return Listed(
        collection_id=row["collection_id"],
        collection_name=row["collection_id"] if collection is None else collection.name,
        record_id=row["record_id"],
        field="" if field is None else field.name,
        name=row["name"],
        size=row["size"],
        media_type=row["media_type"],
        created=row["created"],
        unused=row["unused"],
    )
