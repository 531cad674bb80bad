"""Small worlds for tests of filters: random collections of every kind of field, full of awkward values."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

import asyncpg

from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Sql, inline, join, name, qualified, raw
from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.collection import Collection
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.editor import EditorField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.system_fields import auth_fields, id_field
from holdfast.schema.text import TextField
from unit.expressions.evaluate import World

NOW: Final = datetime(2024, 5, 1, 10, 30, 15, 123_000, tzinfo=UTC)
TEXTS: Final = (
    *("", "a", "A", "ab", "b", "%", "a%b", "_", "\\", "a\\", "\\%", "5", "05", "5.0", "-1", "true", "null", "2024"),
    *(
        "2024-05-01",
        "2024-05-01 10:00:00.000Z",
        "ä",
        "Ä",
        "ß",
        "ǅ",
        "x y",
        "it's",
        '"q"',
        "e1",
        "1e3",
        "NaN",
        "{}",
        "日本",
    ),
)
NUMBERS: Final = (0.0, 1.0, -1.0, 5.0, 0.1, 1.5, 1e20, 1e15, 2024.0, 1e-7, 123456789.125, 0.30000000000000004, 1.7e308)
WHOLES: Final = (0, 1, 5, -3, 2024, 2**53 - 1)
DECIMALS: Final = (Decimal("0.00"), Decimal("1.50"), Decimal("5.00"), Decimal("0.10"), Decimal("9999999999999999.99"))
DATES: Final = (
    datetime(2024, 5, 1, tzinfo=UTC),
    datetime(2024, 5, 1, 10, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    NOW,
)
JSONS: Final[tuple[Any, ...]] = (
    *(None, "", "a", "5", "2024-05-01", 0, 1, 5, 1.5, 2024, -1, True, False, [], {}, ["a", 5], ["", None, True]),
    *({"k": "a"}, {"k": 5}, {"k": 5.0}, {"k": None}, {"k": ""}, {"k": {"z": ["a", "5", 5]}}, {"k": [True, {"z": 1.5}]}),
    *({"0": "a"}, {"k": "2024-05-01 10:00:00.000Z"}, {"z": "true"}, {"k": True}, {"k": ["a", 5]}),
)
WORDS: Final = ("a", "b", "5", "a%b", "ä", "2024-05-01")
NAMES: Final = ("base", "side", "people")


def make_world(seed: int) -> World:
    """The world of a seed: three collections that point at each other, with up to four records each."""
    random = Random(seed)
    names = {name: f"{name}{seed}" for name in NAMES}
    collections = tuple(_collection(random, name, names) for name in NAMES)
    catalog = Catalog.of(1, collections)
    ids = {
        collection.id: [f"{collection.name[0]}{at}" for at in range(random.randint(1, 4))] for collection in collections
    }
    records = {
        collection.name: [_record(random, collection, id, ids) for id in ids[collection.id]]
        for collection in collections
    }
    closed = frozenset(name for name in names.values() if random.random() < 0.15)
    return World(catalog, records, NOW, closed=closed, sees_emails=random.random() < 0.5)


def _collection(random: Random, name: str, names: dict[str, str]) -> Collection:
    def options(field: str) -> dict[str, Any]:
        return {"id": f"{name}{field}", "name": field, "nullable": random.random() < 0.4}

    target = [names[random.choice(NAMES)] for _ in range(3)]
    fields: list[Field] = [
        TextField(**options("text")),
        EditorField(**options("editor")),
        NumberField(**options("number")),
        NumberField(**options("whole"), only_int=True),
        DecimalField(**options("decimal")),
        BoolField(**options("bool")),
        DateField(**options("date")),
        JsonField(**options("json")),
        GeoPointField(**options("place")),
        SelectField(**options("one"), values=WORDS),
        SelectField(**options("tags"), values=WORDS, max_select=5),
        FileField(**options("files"), max_select=5),
        RelationField(**options("to"), collection_id=target[0]),
        RelationField(**options("other"), collection_id=target[1]),
        RelationField(**options("many"), collection_id=target[2], max_select=9),
        AutodateField(id=f"{name}created", name="created", on_create=True),
        AutodateField(id=f"{name}updated", name="updated", on_update=True),
    ]
    kept = [field for field in fields if random.random() < 0.8]
    login = [field for field in auth_fields() if field.readable] if name == "people" else []
    return Collection(
        id=names[name], name=names[name], type="auth" if login else "base", fields=(id_field(), *login, *kept)
    )


def _record(random: Random, collection: Collection, id: str, ids: dict[str, list[str]]) -> dict[str, Any]:
    values = {field.name: _value(random, field, ids) for field in collection.fields}
    return {**values, "id": id}


def _value(random: Random, field: Field, ids: dict[str, list[str]]) -> Any:
    if not field.column().not_null and random.random() < 0.3:
        return None
    if isinstance(field, RelationField):
        held = ids[field.collection_id]
        return random.sample(held, random.randint(0, len(held))) if field.many else random.choice(held)
    if field.many:
        return random.sample(WORDS, random.choice((0, 1, 1, 2, 3)))
    if isinstance(field, NumberField):
        return random.choice(WHOLES if field.only_int else NUMBERS)
    if isinstance(field, SelectField):
        return random.choice(("", *WORDS))
    if isinstance(field, GeoPointField):
        return (random.choice((0.0, 12.5, -180.0)), random.choice((0.0, 41.9, 90.0)))
    if isinstance(field, DateField | AutodateField):
        return random.choice(DATES)
    if isinstance(field, EmailField):
        return random.choice(("", "a@b.c", "x@y.z"))
    pools = {BoolField: (True, False), DecimalField: DECIMALS, JsonField: JSONS}
    return random.choice(next((pool for kind, pool in pools.items() if isinstance(field, kind)), TEXTS))


async def create(connection: "asyncpg.Connection[Any]", world: World) -> None:
    """The world's tables, without keys and triggers: what holds them together is given by the world."""
    for collection in world.catalog.collections:
        columns = [
            name(field.name) + raw(" ") + Sql((field.column().type,)) + _not_null(field) for field in collection.fields
        ]
        table = qualified("public", collection.name)
        await connection.execute(
            inline(raw("CREATE UNLOGGED TABLE ") + table + raw(" (") + join(", ", columns) + raw(")"))
        )
        rows = [
            tuple(bound(field, record[field.name]) for field in collection.fields)
            for record in world.records[collection.name]
        ]
        await connection.copy_records_to_table(collection.name, schema_name="public", records=rows)


def _not_null(field: Field) -> Sql:
    return raw(" NOT NULL") if field.column().not_null else Sql()


def bound(field: Field, value: Any) -> Any:
    if isinstance(field, JsonField) and value is not None:
        return json.dumps(value)
    return asyncpg.Point(*value) if isinstance(field, GeoPointField) and value is not None else value
