"""PostgreSQL and plain Python agree about what rules and roles let a caller read and filter by, field by field."""

import os
from typing import Any, Final

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.catalog.snapshot import Catalog
from holdfast.db.plans import Plans
from holdfast.db.sql import Inputs, raw
from holdfast.errors import InvalidFilter
from holdfast.expressions.read import read_filter
from holdfast.identity import Principal
from holdfast.records.plan import Asked, plan_list
from holdfast.records.query import ListQuery
from holdfast.rules.access import Access, audience, ways_in
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.names import NOTHING_SPOKEN
from holdfast.rules.scope import RuleScope
from holdfast.schema.collection import Collection
from holdfast.schema.role import Permission, PermissionFields, Role
from integration.filters.filter_texts import filters
from integration.filters.worlds import NOW
from integration.rules.rule_texts import rules
from integration.rules.test_rule_agreement import Ground, ground
from unit.expressions.asker import Asker, Record
from unit.expressions.evaluate import EMAIL, World, evaluate

__all__ = ["ground"]

EXAMPLES: Final = int(os.environ.get("HOLDFAST_RULE_EXAMPLES", "120"))
WORLDS: Final = 12
TRUSTED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@st.composite
def catalogs(draw: st.DrawFn, world: World) -> Catalog:
    """The world's collections with list rules, and two roles with permissions and lists of fields."""
    plain = world.catalog
    people = next(one for one in plain.collections if one.is_auth)

    def rule(collection: Collection) -> str:
        kind = draw(st.integers(0, 5))
        text = "" if kind < 2 else draw(rules(plain, collection, people))
        return text if _can_be(plain, collection, people, text) else ""

    collections = tuple(
        msgspec.structs.replace(one, list_rule=draw(st.sampled_from((None, rule(one), rule(one)))))
        for one in plain.collections
    )
    roles = tuple(
        Role(id, id, permissions=tuple(_permission(draw, one, rule(one)) for one in collections if draw(st.booleans())))
        for id in ("r1", "r2")
    )
    return Catalog.of(1, collections, roles)


def _permission(draw: st.DrawFn, collection: Collection, rule: str) -> Permission:
    names = [field.name for field in collection.fields]
    read = draw(st.sampled_from((["*"], None, None))) or draw(st.lists(st.sampled_from(names), max_size=9))
    return Permission(collection.id, ("list",), rule, PermissionFields(tuple(read)))


def _can_be(catalog: Catalog, collection: Collection, people: Collection, text: str) -> bool:
    if not text or "@previous" in text or "@request.body" in text:
        return not text
    try:
        for who in (audience(Principal()), audience(Principal("user", people.id))):
            RuleScope(catalog, collection, raw("record"), who, NOTHING_SPOKEN).condition(text)
    except InvalidFilter:
        return False
    return True


def as_seen(world: World, access: Access, collection: Collection, record: Record) -> Record | None:
    """The record with null for what may not be read in it; None if it is not seen at all."""
    ways = [grant for grant in access.grants if is_true(world, collection, record, grant.rule)]
    if not ways:
        return None
    readable = {
        field.name
        for field in collection.fields
        if any(way.reads(field) for way in ways) and not collection.is_secret(field)
    }
    own = world.asker.record is not None and world.asker.record["id"] == record["id"]
    if collection.is_auth and not own:
        readable.discard("roles")
    seen = {name: content if name in readable else None for name, content in record.items()}
    if collection.is_auth:
        seen[EMAIL] = record["emailVisibility"] or own
    return {**seen, "@readable": readable}


def is_true(world: World, collection: Collection, record: Record, rule: str) -> bool:
    if not rule:
        return True
    reading = read_filter(rule)
    return evaluate(msgspec.structs.replace(world, literals=reading.literals), collection, record, reading.tree.root)


async def read(ground: Ground, asked: Asked, text: str, facts: Facts) -> dict[str, dict[str, Any]]:
    plan = plan_list(Plans(), asked, ListQuery(filter=text, per_page=1000, count="none"), b"x" * 32)
    statement = plan.compiled.statement
    inputs = Inputs(plan.literals, {**plan.named, FACTS: facts}, NOW)
    rows = await ground.connection.fetch(statement.text, *statement.args(inputs))
    records = msgspec.json.decode(f"[{rows[0]['items'] or ''}]")
    return {record["id"]: record for record in records}


@TRUSTED
@given(seed=st.integers(0, WORLDS - 1), data=st.data())
async def test_sql_and_python_show_and_find_the_same(ground: Ground, seed: int, data: st.DataObject) -> None:
    plain = await ground.world(seed)
    catalog = data.draw(catalogs(plain))
    people = next(one for one in catalog.collections if one.is_auth)
    caller = data.draw(st.sampled_from([None, *plain.records[people.name]]))
    roles = data.draw(st.sampled_from(((), ("r1",), ("r1", "r2"))))
    who = Principal("key", key_id="k", roles=roles)
    asker = Asker()
    if caller is not None:
        who = Principal("user", people.id, people.name, caller["id"], roles=roles)
        asker = Asker(collection=people, record=caller, roles=roles)
    world = msgspec.structs.replace(plain, catalog=catalog, asker=asker)
    ways = {one.id: ways_in(catalog, one, "list", audience(who)) for one in catalog.collections}
    shown = {
        one.name: [
            seen
            for record in world.records[one.name]
            if (seen := as_seen(world, ways[one.id], one, record)) is not None
        ]
        for one in catalog.collections
    }
    collection = data.draw(st.sampled_from(catalog.collections))
    if not ways[collection.id].is_open:
        return
    asked = Asked(catalog, collection, audience(who))
    facts = Facts(who=who)
    for text in ["", *data.draw(st.lists(filters(catalog, collection), max_size=3))]:
        try:
            found = await read(ground, asked, text, facts)
        except InvalidFilter:
            continue
        as_caller = msgspec.structs.replace(world, records=shown, sees_emails=False, asker=Asker())
        wanted = [record for record in shown[collection.name] if is_true(as_caller, collection, record, text)]
        assert set(found) == {record["id"] for record in wanted}, text
        for record in wanted:
            hidden: set[str] = set() if record.get(EMAIL, True) else {"email"}
            keys = set(found[record["id"]]) - {"collectionId", "collectionName"}
            assert keys == record["@readable"] - hidden, text
