"""Which file an address means, and whether the caller may have it."""

from typing import Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import EMPTY, Inputs, Sql, Statement, join, literal, name, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.expressions.value import ALWAYS
from holdfast.files.thumb import Thumb, is_offered, read_thumb
from holdfast.files.thumbs import Original, Small
from holdfast.files.token import holder_of
from holdfast.http.request import Request
from holdfast.records.list import BASE
from holdfast.rules.access import Audience, audience, ways_in
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.scope import holds
from holdfast.schema.collection import Collection
from holdfast.schema.file import FileField

ID: Final = "id"
NAME: Final = "name"
VARIANT: Final = "variant"
NO_FILE: Final = "There is no such file, or none that you may have."


class Found(msgspec.Struct, frozen=True):
    """A file that a record holds. `size` is in bytes, `created` in seconds since 1970.

    `asked` is the small picture that is wanted of it, if it can be had; `small` that picture, if it is there, and
    `failed` whether it could not be made not long ago.
    """

    field: FileField
    original: Original
    created: int
    asked: Thumb | None = None
    small: Small | None = None
    failed: bool = False


async def find_file(engine: Engine, request: Request) -> Found:
    """The file that a request asks for. Raises NotFound, alike for one that is not there and one that is hidden."""
    params = request.params
    asked = read_thumb(request.query.get("thumb", ""), request.query.get("format", ""))
    collection = engine.catalog.find(params["collection"])
    if collection is None or collection.is_view:
        raise NotFound(NO_FILE)
    fields = [field for field in collection.fields if isinstance(field, FileField)]
    if not fields or "\0" in params["record"] + params["file"]:
        raise NotFound(NO_FILE)
    request.collection = collection.name
    inputs = {ID: params["record"], NAME: params["file"], VARIANT: "" if asked is None else asked.variant}
    with as_api_errors():
        row = await engine.pool.fetchrow(_holding(engine, collection, fields, asked), Inputs(named=inputs))
    held: list[bool] = [] if row is None else row["held"]
    if row is None or True not in held:
        raise NotFound(NO_FILE)
    field = fields[held.index(True)]
    if field.protected:
        await _require_view(engine, request, collection, field)
    original = Original(collection.id, params["record"], params["file"], row["key"], row["size"], row["media_type"])
    if asked is None or not is_offered(asked, field, original.media_type):
        return Found(field, original, row["created"])
    small = None
    if row["small_size"] is not None:
        small = Small(row["small_key"], row["small_size"], row["small_type"], row["small_created"])
    return Found(field, original, row["created"], asked, small, row["failed"])


def _holding(engine: Engine, collection: Collection, fields: list[FileField], asked: Thumb | None) -> Statement:
    """The file's row in the register, and of each file field of the record whether it holds it; what there is of a
    small picture that is asked for in the same round trip."""
    key = (engine.catalog.version, collection.id, "file", asked is None)
    kept = engine.plans.get(key)
    if isinstance(kept, Statement):
        return kept
    held = [_holds(field) for field in fields]
    statement = Statement.of(
        raw("SELECT f.key, f.size, f.media_type, extract(epoch FROM f.created)::bigint AS created, ARRAY[")
        + join(", ", held)
        + raw("] AS held")
        + (_SMALL if asked is not None else EMPTY)
        + raw(" FROM ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" JOIN holdfast.files AS f ON f.collection_id = ")
        + literal(collection.id)
        + raw(" AND f.record_id = ")
        + BASE
        + raw('."id" AND f.name = ')
        + named(NAME, "text")
        + (_JOINED if asked is not None else EMPTY)
        + raw(" WHERE ")
        + _by_id()
    )
    engine.plans.put(key, statement)
    return statement


_SMALL: Final = raw(
    ", t.key AS small_key, t.size AS small_size, t.media_type AS small_type,"
    " extract(epoch FROM t.claimed)::bigint AS small_created,"
    " coalesce(t.failed <> '' AND t.claimed > now() - interval '1 hour', false) AS failed"
)
_JOINED: Final = (
    raw(" LEFT JOIN holdfast.thumbs AS t ON t.collection_id = f.collection_id AND t.record_id = f.record_id")
    + raw(" AND t.name = f.name AND t.variant = ")
    + named(VARIANT, "text")
)


def _holds(field: FileField) -> Sql:
    column = BASE + raw(".") + name(field.name)
    if field.many:
        return raw("coalesce(f.name = ANY (") + column + raw("), false)")
    return raw("coalesce(f.name = ") + column + raw(", false)")


def _by_id() -> Sql:
    return BASE + raw('."id" = ') + named(ID, "text")


async def _require_view(engine: Engine, request: Request, collection: Collection, field: FileField) -> None:
    """Raise NotFound unless the caller, or the holder of the token in the address, may see the field of the record."""
    token = request.query.get("token", "")
    who = await holder_of(engine, token) if token else request.principal
    statement = _view(engine, collection, field, audience(who))
    if statement is None:
        raise NotFound(NO_FILE)
    facts = msgspec.structs.replace(Facts.of(request, context="protectedFile"), who=who)
    with as_api_errors():
        row = await engine.pool.fetchrow(statement, Inputs(named={ID: request.params["record"], FACTS: facts}))
    if row is None:
        raise NotFound(NO_FILE)


def _view(engine: Engine, collection: Collection, field: FileField, who: Audience) -> Statement | None:
    """The question whether an audience may see a field of a record; None if it may see it in none."""
    catalog = engine.catalog
    access = ways_in(catalog, collection, "view", who)
    readable = access.reading(field)
    if not access.is_open or not readable:
        return None
    key = (catalog.version, collection.id, "protected file", field.id, who)
    kept = engine.plans.get(key)
    if isinstance(kept, Statement):
        return kept
    sql = raw("SELECT true AS seen FROM ") + qualified("public", collection.name) + raw(" AS ") + BASE
    sql += raw(" WHERE ") + _by_id()
    for rules, prefix in ((access.rules, "r"), (readable, "f")):
        condition = holds(catalog, collection, rules, BASE, who, prefix=prefix)
        if condition is not ALWAYS:
            sql += raw(" AND (") + condition + raw(")")
    statement = Statement.of(sql)
    engine.plans.put(key, statement)
    return statement
