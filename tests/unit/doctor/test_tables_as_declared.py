"""What the doctor makes of the tables as they are, beside the collections as they are declared."""

import msgspec
import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.parts import Part, parts
from holdfast.db.sql import inline
from holdfast.doctor.finding import Finding
from holdfast.doctor.tables import Column, Tables, judge
from holdfast.schema.collection import Collection
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.field import Field
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.system_fields import id_field
from holdfast.schema.vector import VectorField

EDITORS = RelationField(id="r1", name="editors", collection_id="people", max_select=5)
PEOPLE = Collection(id="people", name="people", fields=(id_field(),))
POSTS = Collection(id="posts", name="posts", fields=(id_field(), EDITORS))
CATALOG = Catalog.of(1, (PEOPLE, POSTS))
PARTS = tuple(part for one in CATALOG.collections for part in parts(CATALOG, one) if part.sort != "capture")


def key(part: Part) -> tuple[str, str]:
    return ("" if part.sort == "function" else part.table, part.name)


def as_declared() -> Tables:
    columns = {
        one.name: {field.name: Column(field.column().type, not_null=field.column().not_null) for field in one.fields}
        for one in CATALOG.collections
    }
    return Tables(columns, frozenset(), {key(part): True for part in PARTS})


def broken(tables: Tables) -> list[Finding]:
    return [one for one in judge(CATALOG, tables) if one.state != "ok"]


def test_a_relation_that_holds_many_is_as_it_is_declared():
    assert {"function", "trigger", "index"} <= {part.sort for part in PARTS}
    assert broken(as_declared()) == []


def test_what_a_collection_with_a_history_keeps_in_rows_of_ours_is_no_part_of_its_table():
    kept = msgspec.structs.replace(POSTS, history=True)
    catalog = Catalog.of(1, (PEOPLE, kept))
    assert [part.sort for part in parts(catalog, kept) if part.sort == "history"] == ["history"]
    assert [one for one in judge(catalog, as_declared()) if one.state != "ok"] == []


def test_whatever_is_gone_is_told_with_the_statement_that_makes_it_anew():
    tables = as_declared()
    for gone in PARTS:
        left = {name: sound for name, sound in tables.parts.items() if name != key(gone)}
        (found,) = broken(msgspec.structs.replace(tables, parts=left))
        assert gone.name in found.found
        assert "gone" in found.found
        assert inline(gone.create) in found.advice


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (DecimalField(id="f", name="f"), "numeric(18,2)"),
        (DecimalField(id="f", name="f", precision=5, scale=0), "numeric(5,0)"),
        (DateField(id="f", name="f"), "timestamp with time zone"),
        (NumberField(id="f", name="f"), "double precision"),
        (NumberField(id="f", name="f", only_int=True), "bigint"),
        (VectorField(id="f", name="f", dimensions=3), "vector(3)"),
        (VectorField(id="f", name="f", dimensions=3), "public.vector(3)"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_type_is_known_by_the_name_that_postgresql_gives_it(field: Field, told: str):
    catalog = Catalog.of(1, (Collection(id="c", name="c", fields=(field,), events=False),))
    as_it_is = Tables({"c": {"f": Column(told, not_null=field.column().not_null)}}, frozenset(), {})
    other = Tables({"c": {"f": Column("money", not_null=field.column().not_null)}}, frozenset(), {})
    assert [one.state for one in judge(catalog, as_it_is)] == ["ok"]
    assert [one.state for one in judge(catalog, other)] == ["broken"]
