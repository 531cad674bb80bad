"""A json value beside a value of every other kind: PostgreSQL and plain Python agree about each pair."""

from itertools import product
from typing import Any

import asyncpg
import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.schema.bool import BoolField
from holdfast.schema.collection import Collection
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField
from integration.filters.test_filter_agreement import Ground, expected, fulfilling
from integration.filters.worlds import DATES, DECIMALS, JSONS, NOW, NUMBERS, TEXTS, create
from unit.expressions.evaluate import World

OTHERS: dict[str, tuple[Any, ...]] = {
    "text": TEXTS,
    "twin": JSONS,
    "number": NUMBERS,
    "decimal": (*DECIMALS, None),
    "bool": (True, False, None),
    "date": (*DATES, None),
}
PAIRS = Collection(
    id="pairs",
    name="pairs",
    fields=(
        id_field(),
        JsonField(id="p0", name="json"),
        TextField(id="p1", name="text"),
        JsonField(id="p2", name="twin"),
        NumberField(id="p3", name="number"),
        DecimalField(id="p4", name="decimal", nullable=True),
        BoolField(id="p5", name="bool", nullable=True),
        DateField(id="p6", name="date", nullable=True),
    ),
)
EACH = max(len(values) for values in OTHERS.values())
MEANS = (
    ("text = json", "5", 5, True),
    ("text = json", "05", 5, True),
    ("text = json", "5 apples", 5, False),
    ("text > json", "a", 5, False),
    ("text < json", "a", 5, False),
    ("text > json", "10", 9, True),
    ("text > json", "10", "9", False),
    ("text = json", "true", True, True),
    ("text = json", "1", True, False),
    ("text = json", '["a", 5]', ["a", 5], True),
    ("json.k > text", "9", {"k": 10}, True),
    ("text = json", "175928847299117063", 175928847299117063, True),
    ("text = json", "175928847299117063", 175928847299117000, False),
    ("text < json", "1234567890123456", 1234567890123457, True),
    ("json.a = json.b", "", {"a": "175928847299117063", "b": 175928847299117063}, True),
    ("json.a = json.b", "", {"a": "175928847299117063", "b": 175928847299117000}, False),
)


def paired(index: int, content: Any, at: int) -> dict[str, Any]:
    """A record with this json, and the values of a place of each of the others."""
    others = {name: values[at % len(values)] for name, values in OTHERS.items()}
    return {"id": f"r{index}", "json": content, **others}


@pytest.fixture
async def connection(database: str) -> Any:
    made = await asyncpg.connect(database, statement_cache_size=0)
    yield made
    await made.close()


async def world_of(connection: Any, records: list[dict[str, Any]]) -> World:
    """The records in a database, and for plain Python."""
    world = World(Catalog.of(1, (PAIRS,)), {"pairs": records}, NOW)
    await create(connection, world)
    return world


@pytest.mark.parametrize("operator", ["=", "!=", "<", ">="])
async def test_each_pair_is_compared_in_the_same_way(connection: Any, operator: str):
    records = [paired(index, *pair) for index, pair in enumerate(product(JSONS, range(EACH)))]
    world = await world_of(connection, records)
    for other in OTHERS:
        for text in (f"json {operator} {other}", f"{other} {operator} json"):
            found, missed = await fulfilling(Ground(connection), world, PAIRS, text)
            wanted = expected(world, PAIRS, text)
            shown = [(record["json"], record[other]) for record in records if record["id"] in found ^ wanted]
            assert not shown, text
            assert len(found) + len(missed) == len(records)


@pytest.mark.parametrize(("filter", "text", "json", "holds"), MEANS)
async def test_a_text_beside_json_is_what_the_json_makes_of_it(
    connection: Any, filter: str, text: str, json: Any, holds: bool
):
    record = {**paired(0, json, 0), "text": text}
    world = await world_of(connection, [record])
    found, _ = await fulfilling(Ground(connection), world, PAIRS, filter)
    assert found == ({"r0"} if holds else set())
