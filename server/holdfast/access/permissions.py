"""What a caller may do: in every collection, in one, or with one record."""

from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Sql, Statement, join, name, named, qualified, raw
from holdfast.engine import Engine
from holdfast.errors import NotFound
from holdfast.rules.access import Access, Audience, audience, ways_in
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.names import Spoken
from holdfast.rules.scope import holds
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.role import ACTIONS, Action

HowMany: TypeAlias = Literal["none", "some", "all"]
OF_A_RECORD: Final[tuple[Action, ...]] = ("view", "update", "delete")
_ROW: Final = raw("base")
_ID: Final = "id"


class MayDo(msgspec.Struct, frozen=True, omit_defaults=True):
    """One action: with how many records, and which fields it can be about.

    `some` is whatever depends on the record; `fields` are those that can be read, or written, in some record.
    """

    records: HowMany
    fields: tuple[str, ...] = ()


def permissions(catalog: Catalog, collection: Collection, who: Audience) -> dict[Action, MayDo]:
    """What an audience may do in a collection, without a look at its records. Pure."""
    found: dict[Action, MayDo] = {}
    for action in ACTIONS:
        ways = ways_in(catalog, collection, action, who)
        if collection.is_view and action not in ("list", "view"):
            ways = Access()
        found[action] = MayDo(_how_many(ways), _fields(collection, action, ways))
    return found


def all_permissions(catalog: Catalog, who: Audience) -> dict[str, dict[Action, MayDo]]:
    """The same for every collection in which the audience may do anything. Of others nobody need know."""
    found = {collection.name: permissions(catalog, collection, who) for collection in catalog.collections}
    return {name: may for name, may in found.items() if any(one.records != "none" for one in may.values())}


async def record_permissions(engine: Engine, collection: Collection, id: str, facts: Facts) -> dict[str, bool]:
    """What the caller may do with one record. Raises NotFound where that is nothing, as if there were no record.

    A create has nothing to do with a record. An update can still be refused for what it changes.
    """
    who = audience(facts.who)
    columns = [
        _condition(engine.catalog, collection, action, who) + raw(" AS ") + name(action) for action in OF_A_RECORD
    ]
    table = qualified("public", collection.name) + raw(" AS ") + _ROW
    query = raw("SELECT ") + join(", ", columns) + raw(" FROM ") + table
    query += raw(" WHERE ") + _ROW + raw('."id" = ') + named(_ID, "text")
    with as_api_errors():
        row = await engine.pool.fetchrow(Statement.of(query), Inputs(named={FACTS: facts, _ID: id}))
    if row is None or not any(row):
        raise NotFound
    return {action: bool(row[action]) for action in OF_A_RECORD}


def _condition(catalog: Catalog, collection: Collection, action: Action, who: Audience) -> Sql:
    if collection.is_view and action != "view":
        return raw("false")
    spoken = Spoken(previous=_ROW) if action == "update" else Spoken()
    rules = ways_in(catalog, collection, action, who).rules
    return holds(catalog, collection, rules, _ROW, who, spoken, prefix="p")


def _how_many(ways: Access) -> HowMany:
    if not ways.rules:
        return "none"
    return "all" if ways.rules == ("",) else "some"


def _fields(collection: Collection, action: Action, ways: Access) -> tuple[str, ...]:
    if action == "delete" or not ways.is_open:
        return ()
    writes = action in ("create", "update")

    def can(field: Field) -> bool:
        if collection.is_secret(field) and not (writes and field.name == "password"):
            return False
        if not writes:
            return bool(ways.reading(field))
        return field.settable and bool(ways.writing(field))

    return tuple(field.name for field in collection.fields if can(field))
