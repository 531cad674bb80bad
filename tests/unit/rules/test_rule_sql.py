"""What rules become in SQL: what decides whether an index serves, and how many people one plan serves."""

import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Statement, raw
from holdfast.rules.access import Audience
from holdfast.rules.names import NOTHING_SPOKEN, Spoken
from holdfast.rules.scope import RuleScope, holds
from holdfast.schema.role import Role
from unit.expressions.library import AUTHORS, COMMENTS, LIBRARY, POSTS, TEAMS

CATALOG = Catalog.of(1, (TEAMS, AUTHORS, POSTS, COMMENTS), (Role("r1", "editor"),))
AUTHOR = Audience(collection_id=AUTHORS.id)
EDITOR = Audience(collection_id=AUTHORS.id, roles=("r1",))
GUEST = Audience()


def sql(rule: str, who: Audience = AUTHOR, spoken: Spoken = NOTHING_SPOKEN) -> str:
    """The condition, without quotes."""
    found = RuleScope(CATALOG, POSTS, raw("r"), who, spoken).condition(rule)
    return Statement.of(found).text.replace('"', "")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("author = @request.auth.id", "(r.author IS NOT NULL AND r.author = $1::text)"),
        ("id = @request.auth.id", "r.id = $1::text"),
        ("@request.auth.id = author.id", "(r.author IS NOT NULL AND r.author = $1::text)"),
        ("editors ?= @request.auth.id", "r.editors @> ARRAY[$1::text]"),
        ("editors.id ?= @request.auth.id", "r.editors @> ARRAY[$1::text]"),
        ("title = 'it\\'s'", "r.title = E'it''s'::text"),
        ("views > 5", "r.views > E'5.0'::double precision"),
        ("@request.method = 'GET'", "$1::text::text = E'GET'::text"),
        ("@request.context = 'default'", "$1::text::text = E'default'::text"),
        ("@request.auth.collectionName = 'authors'", "E'authors'::text = E'authors'::text"),
    ],
)  # fmt: skip
def test_a_comparison_with_the_caller_is_a_plain_one(rule: str, expected: str) -> None:
    assert sql(rule) == expected


def test_a_field_of_the_caller_is_looked_up_once_for_all_rows() -> None:
    found = sql("author.team = @request.auth.team")
    assert "(SELECT r1.team FROM public.authors AS r1 WHERE r1.id = $1::text)" in found


def test_what_the_caller_reaches_through_many_is_gathered_once() -> None:
    found = sql("@request.auth.comments_via_author.post ?= id && @request.auth.comments_via_author.stars ?> 3")
    assert found.count("EXISTS") == 0
    assert "r.id = ANY (array_remove(ARRAY(SELECT" in found


@pytest.mark.parametrize(
    ("rule", "who", "expected"),
    [
        ("@request.auth.roles ?= 'editor'", EDITOR, "ARRAY[E'editor']::text[] @> ARRAY[E'editor'::text]"),
        ("@request.auth.roles ?= 'editor'", AUTHOR, "ARRAY[]::text[] @> ARRAY[E'editor'::text]"),
        ("@request.auth.id != ''", GUEST, "NOT ((NULL::text IS NULL OR NULL::text = ''))"),
    ],
)
def test_what_is_known_of_an_audience_is_a_constant(rule: str, who: Audience, expected: str) -> None:
    assert sql(rule, who) == expected


def test_a_condition_that_stands_alone_brings_its_joins_along() -> None:
    found = Statement.of(holds(LIBRARY, POSTS, ("author.name = 'x'",), raw("r"), GUEST)).text.replace('"', "")
    assert found.startswith("EXISTS (SELECT FROM (SELECT) AS r2 LEFT JOIN public.authors AS r1 ON r1.id = r.author")
    assert found.endswith("WHERE (r1.name IS NOT NULL AND r1.name = E'x'::text))")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), "false"),
        (("",), "true"),
        (("open = true", "views > 0"), "((r.open = true) OR (r.views > E'0.0'::double precision))"),
        (("nothing = 1",), "false"),
        (("nothing = 1", "open = true"), "r.open = true"),
    ],
)
def test_one_of_the_rules_has_to_hold_and_a_broken_one_never_does(rules: tuple[str, ...], expected: str) -> None:
    assert Statement.of(holds(LIBRARY, POSTS, rules, raw("r"), GUEST)).text.replace('"', "") == expected


@pytest.mark.parametrize(
    ("rule", "spoken", "expected"),
    [
        ("@request.body.title = 'x'", Spoken(), "$1::jsonb"),
        ("@request.body.title = 'x'", Spoken({"title": raw("$new")}), "$new = E'x'::text"),
        ("@request.body.title:changed = true", Spoken({"title": raw("$new")}, raw("old")),
         "($1::boolean AND $new IS DISTINCT FROM old.title) = true"),
        ("@request.body.place:changed = false", Spoken({"place": raw("$new")}, raw("old")), "$new ~= old.place"),
        ("@request.body.author.name = 'x'", Spoken({"author": raw("$new")}),
         "coalesce((SELECT r2.name FROM public.authors AS r2 WHERE r2.id = $new) = E'x'::text, false)"),
        ("@previous.title = title", Spoken(previous=raw("old")), "old.title = r.title"),
        ("@previous.title = title", Spoken(), "r.title = ''"),
        ("@request.context = 'expand'", Spoken(context="expand"), "E'expand'::text = E'expand'::text"),
    ],
)  # fmt: skip
def test_a_write_tells_what_is_new_and_what_was_before(rule: str, spoken: Spoken, expected: str) -> None:
    assert expected in sql(rule, AUTHOR, spoken)
