"""PostgreSQL and plain Python agree about every rule, for every caller, on random collections of all kinds of field."""

import os
from collections.abc import AsyncIterator
from random import Random
from typing import Any, Final

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Inputs, Sql, Statement, qualified, raw, value
from holdfast.errors import InvalidFilter
from holdfast.expressions.read import read_filter
from holdfast.identity import Principal
from holdfast.rules.access import Audience, audience
from holdfast.rules.explain import Outline, Part, RuleOutlines
from holdfast.rules.facts import FACTS, Facts
from holdfast.rules.names import Spoken
from holdfast.rules.scope import RuleScope, holds
from holdfast.schema.collection import Collection
from holdfast.schema.role import Role
from integration.filters.worlds import NOW, bound, create, make_world
from integration.rules.rule_texts import rules
from unit.expressions.asker import Asker, Record
from unit.expressions.evaluate import World, evaluate

EXAMPLES: Final = int(os.environ.get("HOLDFAST_RULE_EXAMPLES", "150"))
WORLDS: Final = 16
RULES: Final = 3  # to an example
ROLES: Final = (Role("r1", "editor"), Role("r2", "a"))
SENT: Final[Record] = {"sent": {"k": {"z": ["a", 5]}}, "list": ["a", "5", 5, True]}

TRUSTED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Ground:
    """A database in which the worlds are made when they are first asked for."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self.connection = connection
        self._worlds: dict[int, World] = {}

    async def world(self, seed: int) -> World:
        if seed not in self._worlds:
            made = make_world(seed)
            await create(self.connection, made)
            catalog = Catalog.of(1, made.catalog.collections, ROLES)
            self._worlds[seed] = msgspec.structs.replace(made, catalog=catalog, closed=frozenset(), sees_emails=True)
        return self._worlds[seed]


@pytest.fixture
async def ground(database: str) -> AsyncIterator[Ground]:
    connection = await asyncpg.connect(database, statement_cache_size=0)
    yield Ground(connection)
    await connection.close()


class Situation(msgspec.Struct):
    """What is asked: in which collection, with which fields sent, and what the record was before, if it changes."""

    world: World
    collection: Collection
    body: Record
    previous: Record | None

    def askers(self) -> list[Asker]:
        """A guest, and everyone of the world as a user with roles."""
        people = next(one for one in self.world.catalog.collections if one.is_auth)
        common: dict[str, Any] = {
            "method": "PATCH",
            "context": "default",
            "query": {"q": "aB", "n": "5"},
            "headers": {"x_token": "a"},
            "body": self.body,
            "sent": SENT,
            "previous": self.previous,
        }
        users = [
            Asker(collection=people, record=record, roles=("editor", "a"), **common)
            for record in self.world.records[people.name]
        ]
        return [Asker(**common), *users]

    def spoken(self) -> Spoken:
        fields = self.collection.by_name
        body = {name: value(bound(fields[name], held), fields[name].cast) for name, held in self.body.items()}
        return Spoken(body, None if self.previous is None else raw("before"))

    def facts(self, asker: Asker) -> Facts:
        return Facts(
            who=self.principal(asker),
            method=asker.method,
            query=lambda: asker.query,
            headers={name.replace("_", "-").encode(): content.encode() for name, content in asker.headers.items()},
            body={**dict.fromkeys(self.body, "as sent"), **SENT},
        )

    def principal(self, asker: Asker) -> Principal:
        if asker.collection is None or asker.record is None:
            return Principal()
        roles = tuple(role.id for role in ROLES)
        return Principal("user", asker.collection.id, asker.collection.name, asker.record["id"], roles=roles)

    def statement(self, condition: Sql, joins: Sql) -> Statement:
        table = qualified("public", self.collection.name)
        source = table + raw(" AS record")
        if self.previous is not None:
            before = raw("(SELECT * FROM ") + table + raw(" WHERE id = ") + value(self.previous["id"], "text")
            source = source + raw(" CROSS JOIN ") + before + raw(") AS before")
        return Statement.of(raw("SELECT record.id, ") + condition + raw(" AS holds FROM ") + source + joins)


def compiled(situation: Situation, text: str, who: Audience) -> list[Statement]:
    """The rule with its joins in the FROM, and as a condition that stands by itself. Raises InvalidFilter."""
    world, collection = situation.world, situation.collection
    scope = RuleScope(world.catalog, collection, raw("record"), who, situation.spoken())
    condition = scope.condition(text)
    alone = holds(world.catalog, collection, (text,), raw("record"), who, situation.spoken())
    return [situation.statement(condition, scope.joins()), situation.statement(alone, Sql())]


async def fulfilling(ground: Ground, situation: Situation, statement: Statement, asker: Asker) -> set[str]:
    inputs = Inputs(named={FACTS: situation.facts(asker)}, now=NOW)
    rows = await ground.connection.fetch(statement.text, *statement.args(inputs))
    assert len(rows) == len(situation.world.records[situation.collection.name])  # no join adds or takes a row
    assert not [row["id"] for row in rows if row["holds"] is None]
    return {row["id"] for row in rows if row["holds"]}


def expected(situation: Situation, text: str, asker: Asker) -> set[str]:
    reading = read_filter(text)
    world = msgspec.structs.replace(situation.world, literals=reading.literals, asker=asker)
    records = world.records[situation.collection.name]
    return {record["id"] for record in records if evaluate(world, situation.collection, record, reading.tree.root)}


def situated(data: st.DataObject, world: World) -> Situation:
    """Something that may be asked in this world."""
    collection = data.draw(st.sampled_from(world.catalog.collections))
    records = world.records[collection.name]
    random = Random(data.draw(st.integers(0, 99)))
    donor = random.choice(records)
    settable = [field.name for field in collection.fields if field.settable and field.readable]
    body = {name: donor[name] for name in settable if random.random() < 0.5}
    return Situation(world, collection, body, random.choice([None, *records]))


@TRUSTED
@given(seed=st.integers(0, WORLDS - 1), data=st.data())
async def test_sql_and_python_let_the_same_records_through(ground: Ground, seed: int, data: st.DataObject) -> None:
    world = await ground.world(seed)
    situation = situated(data, world)
    askers = situation.askers()
    texts = rules(world.catalog, situation.collection, next(one for one in world.catalog.collections if one.is_auth))
    for text in data.draw(st.lists(texts, min_size=1, max_size=RULES)):
        plans: dict[Audience, list[Statement]] = {}
        for asker in askers:
            who = audience(situation.principal(asker))
            try:
                # One plan for everyone of an audience: what differs between them are its parameters.
                plans[who] = plans.get(who) or compiled(situation, text, who)
            except InvalidFilter as refusal:
                assert "point" in refusal.message or "come before or after" in refusal.message, text
                continue
            wanted = expected(situation, text, asker)
            for statement in plans[who]:
                assert await fulfilling(ground, situation, statement, asker) == wanted, (text, asker.record)


async def looked_at(ground: Ground, situation: Situation, asker: Asker, scope: RuleOutlines, found: Outline) -> Any:
    """What the outline of a rule gives for each record, or for all of them."""
    statement = situation.statement(found.select(), scope.joins())
    inputs = Inputs(named={FACTS: situation.facts(asker)}, now=NOW)
    return await ground.connection.fetch(statement.text, *statement.args(inputs))


def is_consistent(part: Part) -> bool:
    """Whether the verdict of several parts follows from theirs; all may hold, each for another of many records."""
    results = [bool(one.result) for one in part.parts]
    if part.join == "||" and part.result != any(results):
        return False
    if part.join == "&&" and part.result and not all(results):
        return False
    return all(is_consistent(one) for one in part.parts)


@TRUSTED
@given(seed=st.integers(0, WORLDS - 1), data=st.data())
async def test_an_explanation_says_what_is_enforced(ground: Ground, seed: int, data: st.DataObject) -> None:
    world = await ground.world(seed)
    situation = situated(data, world)
    asker = data.draw(st.sampled_from(situation.askers()))
    people = next(one for one in world.catalog.collections if one.is_auth)
    text = data.draw(rules(world.catalog, situation.collection, people))
    scope = RuleOutlines(
        world.catalog, situation.collection, raw("record"), audience(situation.principal(asker)), situation.spoken()
    )
    try:
        outline = scope.outline(text)
    except InvalidFilter:
        return
    rows = await looked_at(ground, situation, asker, scope, outline)
    explained = {row["id"]: outline.filled(row["holds"]) for row in rows}
    assert {id for id, part in explained.items() if part.result} == expected(situation, text, asker), text
    assert not [id for id, part in explained.items() if not is_consistent(part)], text
