"""Every type of field becomes every other one, on rows that hold the worst of each."""

from typing import Any

import pytest

from client import in_one_loop
from holdfast.collections import convert
from holdfast.db.sql import inline, raw
from holdfast.schema.field import Field
from holdfast.schema.stored import field_from_builtins
from schema_changes import Changes

pytestmark = in_one_loop

TEXTS = [
    "", "5", "-1.50", "007", "1e400", "NaN", "true", "no", "2026-11-20", "2026-11-20 09:15:00.123Z", "2026-02-30",
    "a", "b", '["a","b"]', "[1,2,3]", '{"lon":12.5,"lat":41.9}', "{broken", "null", '"quoted"', "'; DROP TABLE x; --",
    "ünïcödé 日本 \\ \\n", " padded ", "x" * 5000, "9007199254740993", "a@b.co", "target000000001",
]  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "max": 10000},
    "editor": {"type": "editor"},
    "number": {"type": "number"},
    "whole": {"type": "number", "onlyInt": True},
    "bool": {"type": "bool"},
    "email": {"type": "email"},
    "url": {"type": "url"},
    "date": {"type": "date"},
    "autodate": {"type": "autodate", "onCreate": True},
    "select": {"type": "select", "values": ["a", "b"]},
    "selects": {"type": "select", "values": ["a", "b"], "maxSelect": 2},
    "file": {"type": "file"},
    "files": {"type": "file", "maxSelect": 3},
    "relation": {"type": "relation", "collectionId": "targets", "maxSelect": 1},
    "relations": {"type": "relation", "collectionId": "targets", "maxSelect": 5},
    "json": {"type": "json"},
    "geoPoint": {"type": "geoPoint"},
    "password": {"type": "password"},
    "decimal": {"type": "decimal", "precision": 10, "scale": 2},
    "nullable": {"type": "text", "max": 10000, "nullable": True},
    "nullableNumber": {"type": "number", "nullable": True},
    "vector": {"type": "vector", "dimensions": 3},
}
LITERALS = {
    "text": [f"$q${text}$q$" for text in TEXTS],
    "number": ["0", "1.5", "-3", "1e300", "'NaN'", "'Infinity'", "9007199254740993", "1763630100.123", "12345678901"],
    "whole": ["0", "7", "-9007199254740991", "1763630100", "-62135596801"],
    "bool": ["true", "false"],
    "date": ["NULL", "'2026-11-20 09:15:00.123Z'", "'0001-01-01Z'", "'infinity'", "'1970-01-01Z'",
             "'2026-11-20 1:2:3.123456Z'"],
    "autodate": ["'2026-11-20 09:15:00.123Z'", "'infinity'"],
    "selects": ["'{}'", "'{a}'", "'{a,b}'", """'{"[\\"x\\"]"}'""", "'{\"\"}'"],
    "files": ["'{}'", "'{one.txt,two.txt}'"],
    "relation": ["NULL", "'target000000001'"],
    "relations": ["'{}'", "'{target000000001}'", "'{target000000002,target000000001}'"],
    "json": ["NULL", "'5'", "'\"5\"'", "'true'", "'[\"a\",2,null,{\"x\":1}]'", "'{\"lon\":1,\"lat\":2}'",
             "'{\"lon\":999,\"lat\":2}'",
             "'[1,2,3]'", "'[]'", "'{\"a\":\"b\"}'", "'\"\"'", "'1e999'"],
    "geoPoint": ["'(0,0)'", "'(12.5,41.9)'", "'(NaN,1)'"],
    "decimal": ["0", "12.34", "-99999999.99", "'NaN'"],
    "nullable": ["NULL", "''", "'5'", "'abc'"],
    "nullableNumber": ["NULL", "0", "5"],
    "vector": ["NULL", "'[1,2,3]'", "'[0.5,-1e30,0]'"],
}  # fmt: skip


def literals(kind: str) -> list[str]:
    if kind in LITERALS:
        return LITERALS[kind]
    texts = ["", "a", "b"] if kind in ("select", "file") else TEXTS
    return [f"$q${text}$q$" for text in texts]


def field(kind: str) -> Field:
    return field_from_builtins({"id": "x", "name": "x", **OPTIONS[kind]})


BLANK = {None, "", "0", "0.00", "false", "{}", "(0,0)"}


def same(kind: str, before: str | None, after: str | None) -> bool:
    """Whether nothing is missed: what was blank may come back as anything, unless null is a value of its own."""
    return before == after or (before in BLANK and not kind.startswith("nullable"))


def quoted(kind: str) -> str:
    return inline(convert.column_type(field(kind)))


@pytest.mark.parametrize("old", OPTIONS)
async def test_no_change_of_type_fails_and_what_does_not_survive_counts_as_lost(changes: Changes, old: str):
    await changes.make("targets", {"name": "x", "type": "text"})
    await changes.run("INSERT INTO public.targets (id) VALUES ('target000000001'), ('target000000002')")
    await changes.run("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    values = ", ".join(f"({literal}::{quoted(old)})" for literal in literals(old))
    x = raw("source.x")
    for new in OPTIONS:
        if convert.same_values(field(old), field(new)):
            continue
        made = convert.kept(field(old), field(new), x, "targets")
        back = convert.kept(field(new), field(old), made, "targets")
        lost = convert.lost(field(old), field(new), x, "targets")
        shown = ", ".join(f"({inline(piece)})::text" for piece in (x, made, back))
        rows = await changes.rows(f"SELECT {shown}, {inline(lost)} FROM (VALUES {values}) AS source (x)")  # noqa: S608
        for before, became, again, is_lost in rows:
            assert is_lost or same(old, before, again), f"{old} -> {new}: {before!r} became {became!r}, then {again!r}"
            assert not is_lost or before != again, f"{old} -> {new}: {before!r} is not lost"
        using = inline(convert.converted(field(old), field(new), raw("x")))
        await changes.run(
            f"CREATE TABLE public.foreign_x (x {quoted(old)}); INSERT INTO public.foreign_x VALUES {values};"  # noqa: S608
            f"ALTER TABLE public.foreign_x ALTER COLUMN x TYPE {quoted(new)} USING {using}; DROP TABLE public.foreign_x"
        )


PAIRS = [
    ("text", "number"), ("text", "relation"), ("text", "relations"), ("text", "json"), ("text", "date"),
    ("text", "selects"), ("text", "password"), ("text", "decimal"), ("text", "geoPoint"), ("number", "whole"),
    ("number", "bool"), ("date", "number"), ("autodate", "date"), ("selects", "select"), ("select", "selects"),
    ("relations", "relation"), ("relation", "relations"), ("relations", "text"), ("relation", "text"),
    ("json", "number"), ("geoPoint", "json"), ("password", "text"), ("nullable", "text"), ("nullableNumber", "number"),
]  # fmt: skip


async def fill(changes: Changes, kind: str) -> None:
    values = ", ".join(f"('row{place:012}', {literal})" for place, literal in enumerate(literals(kind)))
    await changes.run(f"INSERT INTO public.things (id, x) VALUES {values}")  # noqa: S608


async def things(changes: Changes) -> dict[str, str | None]:
    return dict(await changes.rows("SELECT id, x::text FROM public.things"))


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{old} to {new}" for old, new in PAIRS])
async def test_a_change_of_type_is_undone_with_every_value_that_it_lost(changes: Changes, old: str, new: str):
    await changes.make("targets", {"name": "name", "type": "text"})
    await changes.run("INSERT INTO public.targets (id, name) VALUES ('target000000001', ''), ('target000000002', '')")
    await changes.make("things", {"name": "x", **OPTIONS[old]})
    await fill(changes, old)
    before, outline = await things(changes), await changes.outline()
    await changes.change_field("things", "x", **OPTIONS[new])
    dropped = await changes.trash()
    assert len(dropped) <= 1
    if dropped:
        kept = await changes.rows(f"SELECT count(*) FROM holdfast_trash.hf_{dropped[0]['id']}")  # noqa: S608
        assert kept[0] >= dropped[0]["rows"] > 0  # blanks that would not come back as they are lie there, too
        await changes.restore(dropped[0]["id"])
        assert await things(changes) == before
    else:
        await changes.change_field("things", "x", **OPTIONS[old])
    after = await things(changes)
    assert {id: after[id] for id in before if not same(old, before[id], after[id])} == {}
    assert await changes.outline() == outline
    assert [item for item in await changes.trash() if item in dropped] == []
