"""Queries of SQLite in PostgreSQL's words."""

import pytest

from holdfast.collections.view_syntax import parse
from holdfast.pocketbase.source_collection import SourceCollection
from holdfast.pocketbase.view_kinds import CannotTranslate
from holdfast.pocketbase.view_translation import Translator, empty_view

POSTS = SourceCollection(
    id="posts",
    name="posts",
    type="base",
    system=False,
    fields=(
        {"name": "id", "type": "text"},
        {"name": "title", "type": "text"},
        {"name": "active", "type": "bool"},
        {"name": "total", "type": "number"},
        {"name": "tags", "type": "select", "maxSelect": 3},
        {"name": "author", "type": "relation", "maxSelect": 1},
        {"name": "created", "type": "autodate"},
        {"name": "meta", "type": "json"},
    ),
    indexes=(),
    rules={},
    options={},
    created="",
    updated="",
    columns=frozenset(),
    digest=b"",
)
FIELD = "SELECT id, ? AS x FROM posts"
FILTER = "SELECT id FROM posts WHERE ?"


def translated(query: str) -> str:
    return Translator([POSTS]).translated(query)


@pytest.mark.parametrize(
    "expression", ["count(*)", "round(avg(total), 2)", "ifnull(title, 'x')", "iif(active, 1, 2)", "max(total, 1)"]
)
def test_what_means_the_same_stays_as_it_was_written(expression: str) -> None:
    query = "select id, ? as n from posts group by id".replace("?", expression)
    assert translated(query) == query
    parse(query)


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("json_array_length(tags)", "CARDINALITY(tags)"),
        ("json_extract(meta, '$.a.b')", "JSONB_EXTRACT_PATH_TEXT(meta, 'a', 'b')"),
        ("total(total)", "COALESCE(SUM(total), 0)"),
        ("sum(active)", "SUM(CAST(active AS INT))"),
        ("group_concat(total)", "STRING_AGG(CAST(total AS TEXT), ',')"),
        ("strftime('%Y-%m', created)", "TO_CHAR(created, 'YYYY-MM')"),
        ("date(created, 'start of month')", "TO_CHAR(DATE_TRUNC('month', created), 'YYYY-MM-DD')"),
        ("json_group_array(title)", "JSON_AGG(title)"),
    ],
)
def test_an_expression_is_written_for_postgresql(expression: str, made: str) -> None:
    query = translated(FIELD.replace("?", expression))
    assert query == FIELD.replace("?", made)
    parse(query)


@pytest.mark.parametrize(
    ("condition", "made"),
    [
        ("active = 1", "active"),
        ("active != 1", "NOT active"),
        ("active = 0", "NOT active"),
        ("author = ''", "author IS NULL"),
        ("author != ''", "NOT author IS NULL"),
        ("tags = '[]'", "CARDINALITY(tags) = 0"),
        ("title LIKE 'a%'", "title ILIKE 'a%'"),
        ('title = "open"', "title = 'open'"),
        ("created > datetime('now', '-7 days')", "created > (NOW() + CAST('-7 day' AS INTERVAL))"),
    ],
)
def test_a_condition_is_written_for_postgresql(condition: str, made: str) -> None:
    query = translated(FILTER.replace("?", condition))
    assert query == FILTER.replace("?", made)
    parse(query)


def test_a_list_is_taken_apart_as_a_table() -> None:
    query = translated("SELECT p.id, j.value AS tag FROM posts p, json_each(p.tags) j")
    assert query == "SELECT p.id, j.value AS tag FROM posts AS p CROSS JOIN UNNEST(p.tags) AS j(value)"


@pytest.mark.parametrize(
    "query", ["SELECT id, strftime('%w', created) AS x FROM posts", "DROP TABLE posts", "SELECT ("]
)
def test_what_is_not_understood_is_not_guessed(query: str) -> None:
    with pytest.raises(CannotTranslate):
        translated(query)


def test_a_view_that_cannot_be_made_shows_nothing_and_keeps_its_query() -> None:
    query = empty_view("SELECT printf('*/') FROM posts", "No printf.", POSTS.fields)
    assert "SELECT printf('* /') FROM posts" in query
    assert parse(query).named_selects == [str(one["name"]) for one in POSTS.fields]
