"""PostgreSQL and plain Python agree about every filter, on random collections of every kind of field."""

import os
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.catalog.scope import Scope
from holdfast.db.sql import Inputs, Statement, qualified, raw
from holdfast.errors import InvalidFilter
from holdfast.expressions.read import read_filter
from holdfast.schema.collection import Collection
from integration.filters.filter_texts import filters, noise
from integration.filters.worlds import NOW, create, make_world
from unit.expressions.evaluate import World, evaluate
from unit.expressions.library import Eyes

EXAMPLES = int(os.environ.get("HOLDFAST_FILTER_EXAMPLES", "400"))
WORLDS = 24
FILTERS = 4  # to an example, so that making and shrinking examples costs less than what they are for

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
            self._worlds[seed] = make_world(seed)
            await create(self.connection, self._worlds[seed])
        return self._worlds[seed]


@pytest.fixture
async def ground(database: str) -> AsyncIterator[Ground]:
    connection = await asyncpg.connect(database, statement_cache_size=0)
    yield Ground(connection)
    await connection.close()


async def fulfilling(ground: Ground, world: World, collection: Collection, text: str) -> tuple[set[str], set[str]]:
    """The ids for which a filter is true, and for which it is false; what is in neither got NULL."""
    reading = read_filter(text, {"p": "a"})
    scope = Scope(
        world.catalog,
        collection,
        raw("record"),
        Eyes(sees_hidden=True, sees_emails=world.sees_emails, closed=world.closed),
    )
    condition = scope.condition(reading.tree)
    table = qualified("public", collection.name)
    sql = raw("SELECT record.id, ") + condition + raw(" AS holds FROM ") + table + raw(" AS record") + scope.joins()
    statement = Statement.of(sql)
    rows = await ground.connection.fetch(statement.text, *statement.args(Inputs(reading.literals, now=NOW)))
    assert len(rows) == len(world.records[collection.name])  # no join adds or takes a row
    return {row["id"] for row in rows if row["holds"] is True}, {row["id"] for row in rows if row["holds"] is False}


def expected(world: World, collection: Collection, text: str) -> set[str]:
    reading = read_filter(text)
    asked = msgspec.structs.replace(world, literals=reading.literals)
    records = world.records[collection.name]
    return {record["id"] for record in records if evaluate(asked, collection, record, reading.tree.root)}


@TRUSTED
@given(seed=st.integers(0, WORLDS - 1), data=st.data())
async def test_sql_and_python_find_the_same_records(ground: Ground, seed: int, data: st.DataObject) -> None:
    world = await ground.world(seed)
    collection = data.draw(st.sampled_from(world.catalog.collections))
    for text in data.draw(st.lists(filters(world.catalog, collection), min_size=1, max_size=FILTERS)):
        try:
            true, false = await fulfilling(ground, world, collection, text)
        except InvalidFilter as refusal:
            assert "point" in refusal.message or "come before or after" in refusal.message, text
            continue
        everyone = {record["id"] for record in world.records[collection.name]}
        assert (true, false) == (expected(world, collection, text), everyone - expected(world, collection, text)), text


@TRUSTED
@given(seed=st.integers(0, WORLDS - 1), data=st.data())
async def test_whatever_is_sent_is_refused_or_runs(ground: Ground, seed: int, data: st.DataObject) -> None:
    world = await ground.world(seed)
    collection = data.draw(st.sampled_from(world.catalog.collections))
    text = data.draw(noise(world.catalog, collection))
    try:
        true, false = await fulfilling(ground, world, collection, text)
    except InvalidFilter as refusal:
        assert refusal.message
        return
    assert true | false == {record["id"] for record in world.records[collection.name]}
