"""Which file an address means, and whether the caller may have it."""

from typing import Final

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Sql, Statement, join, literal, name, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.expressions.value import ALWAYS
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
NO_FILE: Final = "There is no such file, or none that you may have."


class Found(msgspec.Struct, frozen=True):
    """A file that a record holds. `size` is in bytes, `created` in seconds since 1970."""

    field: FileField
    key: str
    name: str
    size: int
    media_type: str
    created: int


async def find_file(engine: Engine, request: Request) -> Found:
    """The file that a request asks for. Raises NotFound, alike for one that is not there and one that is hidden."""
    params = request.params
    collection = engine.catalog.find(params["collection"])
    if collection is None or collection.is_view:
        raise NotFound(NO_FILE)
    fields = [field for field in collection.fields if isinstance(field, FileField)]
    if not fields or "\0" in params["record"] + params["file"]:
        raise NotFound(NO_FILE)
    request.collection = collection.name
    inputs = Inputs(named={ID: params["record"], NAME: params["file"]})
    with as_api_errors():
        row = await engine.pool.fetchrow(_holding(engine, collection, fields), inputs)
    held: list[bool] = [] if row is None else row["held"]
    if row is None or True not in held:
        raise NotFound(NO_FILE)
    field = fields[held.index(True)]
    if field.protected:
        await _require_view(engine, request, collection, field)
    return Found(field, row["key"], params["file"], row["size"], row["media_type"], row["created"])


def _holding(engine: Engine, collection: Collection, fields: list[FileField]) -> Statement:
    """The file's row in the register, and of each file field of the record whether it holds it."""
    key = (engine.catalog.version, collection.id, "file")
    kept = engine.plans.get(key)
    if isinstance(kept, Statement):
        return kept
    held = [_holds(field) for field in fields]
    statement = Statement.of(
        raw("SELECT f.key, f.size, f.media_type, extract(epoch FROM f.created)::bigint AS created, ARRAY[")
        + join(", ", held)
        + raw("] AS held FROM ")
        + qualified("public", collection.name)
        + raw(" AS ")
        + BASE
        + raw(" JOIN holdfast.files AS f ON f.collection_id = ")
        + literal(collection.id)
        + raw(" AND f.record_id = ")
        + BASE
        + raw('."id" AND f.name = ')
        + named(NAME, "text")
        + raw(" WHERE ")
        + _by_id()
    )
    engine.plans.put(key, statement)
    return statement


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
