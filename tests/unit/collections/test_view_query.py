"""Which queries are views, how names are found, and where columns come from. Without a database."""

import pytest

from holdfast.collections.view_order import in_order
from holdfast.collections.view_query import read_view, tables_of
from holdfast.collections.view_syntax import ALLOWED, NAMED_FUNCTIONS, InvalidView, parse
from holdfast.db.sql import inline
from holdfast.schema.collection import Collection
from holdfast.schema.relation import RelationField
from holdfast.schema.system_fields import auth_fields, date_fields, id_field
from holdfast.schema.text import TextField

COLLECTIONS = {
    "posts": Collection(
        id="p",
        name="posts",
        fields=(
            id_field(),
            TextField(id="t", name="title"),
            TextField(id="o", name="Order"),
            RelationField(id="a", name="authorId", collection_id="u"),
            *date_fields(),
        ),
    ),
    "Users": Collection(id="u", name="Users", type="auth", fields=(id_field(), *auth_fields())),
}


def select(query: str) -> str:
    return inline(read_view(query, COLLECTIONS).select())


@pytest.mark.parametrize(
    ("query", "rebuilt"),
    [
        ("select id from posts", 'SELECT "posts"."id" AS "id" FROM "public"."posts" AS "posts"'),
        ("SELECT ID FROM Posts;", 'SELECT "posts"."id" AS "id" FROM "public"."posts" AS "posts"'),
        (
            "select p.id, authorid, P.ORDER as o from posts as P",
            'SELECT "p"."id" AS "id", "p"."authorId" AS "authorId", "p"."Order" AS "o" FROM "public"."posts" AS "p"',
        ),
        (
            'select id, title as "authorid" from posts',
            'SELECT "posts"."id" AS "id", "posts"."title" AS "authorid" FROM "public"."posts" AS "posts"',
        ),
        ("SELECT `id` FROM [posts]", 'SELECT "posts"."id" AS "id" FROM "public"."posts" AS "posts"'),
        ("/* a */ select id -- b\nfrom users", 'SELECT "Users"."id" AS "id" FROM "public"."Users" AS "Users"'),
    ],
)
def test_a_query_is_written_anew_with_every_name_found_and_quoted(query: str, rebuilt: str):
    assert select(query).replace('"P"', '"p"') == rebuilt


@pytest.mark.parametrize(
    "place",
    ["'{}'", "interval '{}'", "upper('{}')", "CAST('{}' AS text)", "title LIKE '{}'", "CASE '{}' WHEN 'a' THEN 1 END"],
)
@pytest.mark.parametrize(
    "text", ["it''s", "\\", "\\'' OR 1=1 --", "$$", "/* */", "--", "; DROP TABLE posts", '"', "%s {0} $1"]
)
def test_a_string_stays_one_string(place: str, text: str):
    rebuilt = select("SELECT id, X AS x FROM posts".replace("X", place.replace("{}", text)))
    assert rebuilt.count(f"'{text}'") == 1
    assert rebuilt.replace(f"'{text}'", "") == select(
        "SELECT id, X AS x FROM posts".replace("X", place.replace("{}", "z"))
    ).replace("'z'", "")


def test_the_schema_can_be_another_one():
    query = read_view("WITH posts2 AS (SELECT id FROM posts) SELECT id FROM posts2", COLLECTIONS)
    assert '"pg_temp"."posts"' in inline(query.select("pg_temp"))
    assert '"pg_temp"."posts2"' not in inline(query.select("pg_temp"))
    assert query.tables == {"posts"}


@pytest.mark.parametrize(
    ("query", "origin"),
    [
        ("SELECT id, title AS x FROM posts", ("posts", "title", False)),
        ("SELECT id, (title) AS x FROM posts", ("posts", "title", False)),
        ("SELECT id, lower(title) AS x FROM posts", None),
        ("SELECT posts.id, u.email AS x FROM posts LEFT JOIN users u ON u.id = authorId", ("Users", "email", True)),
        ("SELECT posts.id, title AS x FROM posts LEFT JOIN users u ON u.id = authorId", ("posts", "title", False)),
        ("SELECT posts.id, title AS x FROM posts RIGHT JOIN users u ON u.id = authorId", ("posts", "title", True)),
        ("SELECT id, x FROM (SELECT id, title AS x FROM posts) AS t", ("posts", "title", False)),
        ("WITH t(id, x) AS (SELECT id, title FROM posts) SELECT id, x FROM t", ("posts", "title", False)),
        ("SELECT id, title AS x FROM posts UNION SELECT id, title FROM posts", ("posts", "title", False)),
        ("SELECT id, title AS x FROM posts UNION SELECT id, email FROM users", None),
        ("SELECT id, max(title) AS x FROM posts GROUP BY id", None),
        ("SELECT id, title AS x FROM posts GROUP BY ROLLUP (id, title)", ("posts", "title", True)),
    ],
)
def test_where_a_column_comes_from(query: str, origin: tuple[str, str, bool] | None):
    output = next(one for one in read_view(query, COLLECTIONS).outputs if one.name == "x")
    found = output.origin
    assert (found and (found.collection, found.field, found.optional)) == origin


def test_what_a_value_is_made_of_is_found_in_every_branch_and_subquery():
    query = read_view(
        "SELECT id, (SELECT max(u.verified) FROM users u WHERE u.id = posts.authorId) AS x FROM posts"
        " UNION SELECT id, emailVisibility || email FROM users",
        COLLECTIONS,
    )
    touched = next(one.touches for one in query.outputs if one.name == "x")
    assert touched >= {("Users", "verified"), ("Users", "emailVisibility"), ("Users", "email"), ("posts", "authorId")}


def test_a_recursive_with_that_reads_itself_in_a_subquery_ends():
    query = read_view(
        "WITH RECURSIVE t(id) AS (SELECT id FROM posts UNION SELECT s.id FROM (SELECT id FROM t) AS s)"
        " SELECT id FROM t",
        COLLECTIONS,
    )
    assert query.outputs[0].origin is None


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("", "SELECT"),
        ("SELECT 1; SELECT 2", "exactly one"),
        ("SELECT id FROM posts FOR UPDATE", "lock"),
        ("SELECT id INTO x FROM posts", "INTO"),
        ("WITH x AS (DELETE FROM posts) SELECT id FROM x", "DELETE"),
        ("SELECT pg_sleep(1) AS id", "pg_sleep"),
        ("SELECT id FROM pg_catalog.posts", "other schemas"),
        ("SELECT id FROM a.b.posts", "other schemas"),
        ("SELECT id FROM nothing", "nothing"),
        ("SELECT id, nothing FROM posts", "nothing"),
        ("SELECT id, title::regclass AS x FROM posts", "regclass|cast|ObjectIdentifier"),
        ("SELECT id, $1 AS x FROM posts", "parameters|resolved"),
        ("SELECT id, E'x' AS x FROM posts", "single quotes"),
        ("SELECT id, title FROM posts, users", "[Aa]mbiguous|id"),
        ("SELECT '" + "x" * 10 + " AS id", "read as SQL"),
        ("SELECT " + "-" * 500 + "1 AS id FROM posts", "SQL|SELECT|id|long"),
    ],
)
def test_a_refusal_says_why(query: str, word: str):
    with pytest.raises(InvalidView, match=word):
        read_view(query, COLLECTIONS)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, users::text AS x FROM users",
        "SELECT id, (u)::text AS x FROM users u",
        "SELECT id, to_json(users.*) AS x FROM users",
        "SELECT id, (u.*)::text AS x FROM users u",
        "SELECT id, count(u.*) AS x FROM users u GROUP BY id",
        "SELECT id, count(DISTINCT u) AS x FROM users u GROUP BY id",
        "SELECT id, jsonb_agg(users) AS x FROM users GROUP BY id",
        "SELECT id, ARRAY[u] AS x FROM users u",
        "SELECT id, concat(u) AS x FROM users u",
        "SELECT id, u = u AS x FROM users u",
        "SELECT u.id, (SELECT u) AS x FROM users u",
        "SELECT id FROM users ORDER BY users",
        "SELECT id FROM users GROUP BY id, users",
        "SELECT id FROM users WHERE users > 'x'",
        "SELECT DISTINCT ON (u) id FROM users u",
        "SELECT id, row_number() OVER (ORDER BY u) AS x FROM users u",
        "SELECT id, x FROM users, LATERAL (SELECT users::text AS x) l",
        "SELECT id, l.x FROM users u, jsonb_each_text(to_jsonb(u)) AS l(k, x)",
        "SELECT u.id, l.x FROM users u CROSS JOIN LATERAL jsonb_each_text(to_jsonb(u)) AS l(k, x)",
        "SELECT id, jsonb_array_elements_text(jsonb_agg(u)) AS x FROM users u GROUP BY id",
        "SELECT a AS id, b AS x FROM users AS u(a, b)",
        "WITH w AS (SELECT id, users::text AS x FROM users) SELECT id, x FROM w",
        "SELECT id, '' AS x FROM users UNION SELECT id, users::text FROM users",
    ],
)
def test_no_table_stands_for_its_whole_row(query: str):
    """There is everything in it: hashes of passwords, token keys, hidden fields."""
    with pytest.raises(InvalidView, match=r"whole row|own names"):
        read_view(query, COLLECTIONS)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n, max(id) AS id FROM users",
        "SELECT id FROM posts WHERE EXISTS (SELECT * FROM users)",
        "SELECT u.* FROM users u",
        "SELECT x.id, x.b FROM (SELECT id, email FROM users) AS x(id, b)",
        "WITH w(id, b) AS (SELECT id, email FROM users) SELECT id, b FROM w",
        "SELECT u.id, l.x FROM users u, jsonb_each_text(to_jsonb(u.email)) AS l(k, x)",
    ],
)
def test_what_only_looks_like_a_row_is_taken(query: str):
    read_view(query, COLLECTIONS)


def test_nothing_is_allowed_that_sqlglot_does_not_know():
    from sqlglot import exp

    assert [name for name in ALLOWED if not hasattr(exp, name)] == []


def test_no_function_that_reaches_outside_is_allowed():
    outside = ("pg_", "lo_", "dblink", "set_config", "query_to", "table_to", "xml", "nextval", "currval", "txid")
    assert [name for name in NAMED_FUNCTIONS if name.startswith(outside)] == []


@pytest.mark.parametrize("count", [10_000, 100_000])
def test_a_query_that_is_too_long_is_refused_in_time(count: int):
    with pytest.raises(InvalidView):
        parse("SELECT " + ", ".join(f"{at} AS a{at}" for at in range(count // 5)))


def test_views_come_after_those_that_they_read():
    def view(name: str, query: str) -> Collection:
        return Collection(id=name, name=name, type="view", view_query=query)

    chain = [view("c", "SELECT id FROM B"), view("b", "SELECT id FROM a"), view("a", "SELECT id FROM posts")]
    assert [one.name for one in in_order(chain)] == ["a", "b", "c"]
    with pytest.raises(InvalidView, match="circle"):
        in_order([view("a", "SELECT id FROM b"), view("b", "SELECT id FROM a")])
    assert tables_of("WITH x AS (SELECT id FROM Posts) SELECT id FROM x JOIN users USING (id)") == {"posts", "users"}
