"""The statements that write a record: names quoted, values bound, one statement each."""

import re
from typing import Any

import pytest

from holdfast.db.sql import Inputs, Statement, raw
from holdfast.records.document import Document
from holdfast.records.permit import NEW, Permit
from holdfast.records.writing import (
    CONTEXT,
    TOKEN_KEY,
    compile_delete,
    compile_insert,
    compile_lock,
    compile_update,
    settings_of_update,
    value_name,
    values_of_insert,
)
from holdfast.schema.collection import Collection
from holdfast.schema.reading import read_collection

ANSWER = Document(raw("'{}'"), (), False)
OPEN = Permit()


def collection(type: str = "base", *fields: dict[str, Any]) -> Collection:
    return read_collection({"name": "select", "type": type, "fields": list(fields)}, existing=None, others=())


POSTS = collection(
    "base",
    {"name": "order", "type": "text"},
    {"name": "n", "type": "number", "onlyInt": True},
    {"name": "tags", "type": "select", "maxSelect": 2, "values": ["a", "b"]},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
)
NOW = "date_trunc('milliseconds', now())"
RETURNING = re.compile(r" RETURNING '\{\}' AS item, base\.xmin::text AS version, set_config\(.*\) IS NULL AS told$")


def update(*names: str, into: Collection = POSTS, versioned: bool = False, new_token_key: bool = False) -> str:
    settings = settings_of_update(into, names, new_token_key=new_token_key)
    return compile_update(into, settings, OPEN, ANSWER, versioned=versioned).text


def test_a_create_names_every_field_but_those_of_the_server():
    statement = compile_insert(POSTS, values_of_insert(POSTS), OPEN, ANSWER)
    assert RETURNING.sub("", statement.text) == (
        'INSERT INTO public."select" AS base ("id", "order", "n", "tags")'
        " VALUES ($1::text, $2::text, $3::bigint, $4::text[])"
    )
    inputs = Inputs(named={value_name(name): name for name in ("id", "order", "n", "tags")} | {CONTEXT: "who"})
    assert statement.args(inputs) == ["id", "order", "n", "tags", "who"]


def test_a_create_that_is_not_open_to_all_is_of_a_row_that_is_looked_at_first():
    permit = Permit(NEW + raw('."n" = 1'))
    statement = compile_insert(POSTS, values_of_insert(POSTS), permit, ANSWER)
    assert RETURNING.sub("", statement.text) == (
        'INSERT INTO public."select" AS base ("id", "order", "n", "tags")'
        ' SELECT "hf new"."id", "hf new"."order", "hf new"."n", "hf new"."tags" FROM (SELECT $1::text AS "id",'
        ' $2::text AS "order", $3::bigint AS "n", $4::text[] AS "tags", {now} AS "created", {now} AS "updated")'
        ' AS "hf new" WHERE "hf new"."n" = 1'
    ).replace("{now}", NOW)


@pytest.mark.parametrize(
    ("names", "settings", "id"),
    [
        (("order",), '"order" = $1::text, "updated" = ' + NOW, "$2"),
        (("tags", "n"), '"n" = $1::bigint, "tags" = $2::text[], "updated" = ' + NOW, "$3"),
        ((), '"updated" = ' + NOW, "$1"),
    ],
    ids=["one field", "several in the collection's order", "no field"],
)
def test_an_update_sets_what_was_sent_and_the_time(names: tuple[str, ...], settings: str, id: str):
    head, _, tail = RETURNING.sub("", update(*names)).partition(" WHERE ")
    assert head.removeprefix('UPDATE public."select" AS base SET ') == settings
    assert tail == f'base."id" = {id}::text'


def test_an_update_of_nothing_is_one_all_the_same():
    bare = collection()
    assert update(into=bare).startswith('UPDATE public."select" AS base SET "id" = base."id" WHERE')


def test_a_versioned_write_tells_a_missing_row_from_a_newer_one_in_the_same_statement():
    text = update("n", versioned=True)
    assert text.startswith("WITH written AS (UPDATE ")
    assert "AND base.xmin::text = ANY($3::text[]) RETURNING" in text
    assert text.endswith(
        ") SELECT written.item, written.version, one.found FROM (SELECT EXISTS (SELECT FROM"
        ' public."select" AS base WHERE base."id" = $2::text) AS found) AS one'
        " LEFT JOIN written ON true"
    )
    delete = compile_delete(POSTS, OPEN, versioned=True).text
    assert delete.startswith("WITH written AS (DELETE FROM ")
    assert "one.found" in delete


def test_a_delete_is_one_statement():
    assert compile_delete(POSTS, Permit(raw("owner = 1")), versioned=False).text == (
        'DELETE FROM public."select" AS base WHERE base."id" = $1::text AND (owner = 1) IS TRUE'
        " RETURNING ''::text AS item, base.xmin::text AS version,"
        " set_config(E'holdfast.context', $2::text, true) IS NULL AS told"
    )


def test_another_email_brings_its_token_key_along():
    people = collection("auth")
    text = update("email", into=people, new_token_key=True)
    assert (
        'SET "email" = $1::text, "tokenKey" = CASE WHEN base."email" IS DISTINCT FROM $1::text'
        ' THEN $2::text ELSE base."tokenKey" END WHERE' in text
    )
    settings = settings_of_update(people, ["email"], new_token_key=True)
    statement: Statement = compile_update(people, settings, OPEN, ANSWER, versioned=False)
    inputs = Inputs(named={value_name("email"): "a@b.c", TOKEN_KEY: "key", "id": "x", "versions": []})
    assert statement.args(inputs) == ["a@b.c", "key", "x", ""]


def test_a_lock_takes_what_is_needed_and_lets_relations_be_made():
    assert compile_lock(POSTS, {"tags", "n"}, OPEN).text == (
        'SELECT base.xmin::text AS "hf version", base."n", base."tags" FROM public."select" AS base'
        ' WHERE base."id" = $1::text FOR NO KEY UPDATE'
    )
