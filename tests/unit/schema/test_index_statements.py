"""Index statements: read, checked, written anew for the API and for PostgreSQL."""

from typing import Any

import pytest

from holdfast.db.sql import inline
from holdfast.schema.bool import BoolField
from holdfast.schema.collection import Collection
from holdfast.schema.condition import InvalidIndex
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.index import index_sql, index_text, rename_fields
from holdfast.schema.index_reading import read_index, read_indexes
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField


def field(kind: Any, name: str, **options: Any) -> Any:
    return kind(id=f"id_{name}", name=name, **options)


POSTS = Collection(
    id="pbc_1",
    name="posts",
    fields=(
        id_field(),
        field(TextField, "title"),
        field(TextField, "note", nullable=True),
        field(NumberField, "views"),
        field(DecimalField, "price"),
        field(BoolField, "active"),
        field(DateField, "due"),
        field(RelationField, "author", collection_id="pbc_2"),
        field(RelationField, "tags", collection_id="pbc_3", max_select=9),
        field(SelectField, "state", values=("a", "b")),
        field(JsonField, "meta"),
        field(GeoPointField, "place"),
    ),
)


@pytest.mark.parametrize(
    ("statement", "text", "sql"),
    [
        pytest.param(
            "CREATE INDEX `i` ON `posts` (`title`)",
            "CREATE INDEX `i` ON `posts` (`title`)",
            'CREATE INDEX "i" ON public."posts" ("title")',
            id="backticks",
        ),
        pytest.param(
            'create unique index if not exists "i" on "other"."renamed" (\n"title",\n [views] desc\n) ;',
            "CREATE UNIQUE INDEX `i` ON `posts` (`title`, `views` DESC)",
            'CREATE UNIQUE INDEX "i" ON public."posts" ("title", "views" DESC)',
            id="other-quotes-and-another-table",
        ),
        pytest.param(
            "CREATE INDEX i ON `` (TITLE COLLATE NOCASE ASC)",
            "CREATE INDEX `i` ON `posts` (`title` COLLATE NOCASE)",
            'CREATE INDEX "i" ON public."posts" (lower("title"))',
            id="nocase-and-another-case",
        ),
        pytest.param(
            "CREATE INDEX i ON posts (lower(title), length(`title`) DESC)",
            "CREATE INDEX `i` ON `posts` (lower(`title`), length(`title`) DESC)",
            'CREATE INDEX "i" ON public."posts" (lower("title"), length("title") DESC)',
            id="functions",
        ),
        pytest.param(
            "CREATE INDEX i ON posts (due, note DESC)",
            "CREATE INDEX `i` ON `posts` (`due`, `note` DESC)",
            'CREATE INDEX "i" ON public."posts" ("due" ASC NULLS FIRST, "note" DESC NULLS LAST)',
            id="nulls-lie-where-empty-sorts",
        ),
        pytest.param(
            "CREATE UNIQUE INDEX i ON posts (author, title)",
            "CREATE UNIQUE INDEX `i` ON `posts` (`author`, `title`)",
            'CREATE UNIQUE INDEX "i" ON public."posts" ("author" ASC NULLS FIRST, "title") NULLS NOT DISTINCT',
            id="an-empty-relation-counts-as-a-value",
        ),
        pytest.param(
            "CREATE UNIQUE INDEX i ON posts (note)",
            "CREATE UNIQUE INDEX `i` ON `posts` (`note`)",
            'CREATE UNIQUE INDEX "i" ON public."posts" ("note" ASC NULLS FIRST)',
            id="a-null-is-no-value",
        ),
        pytest.param(
            "CREATE INDEX i ON posts (tags)",
            "CREATE INDEX `i` ON `posts` (`tags`)",
            'CREATE INDEX "i" ON public."posts" USING gin ("tags")',
            id="many-values",
        ),
        pytest.param(
            "CREATE UNIQUE INDEX i ON posts (author) WHERE author != '' AND tags != '[]'",
            "CREATE UNIQUE INDEX `i` ON `posts` (`author`) WHERE `author` != '' AND `tags` != '[]'",
            'CREATE UNIQUE INDEX "i" ON public."posts" ("author" ASC NULLS FIRST) NULLS NOT DISTINCT WHERE '
            '("author" IS NOT NULL AND cardinality("tags") <> 0)',
            id="empty-values",
        ),
        pytest.param(
            "CREATE INDEX i ON posts (title) WHERE active AND (views > 5 OR price <= 1.5) AND NOT state IN ('a','bc')",
            "CREATE INDEX `i` ON `posts` (`title`) WHERE `active` = TRUE AND (`views` > 5 OR `price` <= 1.5)"
            " AND NOT `state` IN ('a', 'bc')",
            'CREATE INDEX "i" ON public."posts" ("title") WHERE ("active" = true AND ("views" > (5.0) OR "price" <= '
            "(1.5)) AND NOT ((\"state\" = E'a' OR \"state\" = E'bc')))",
            id="conditions",
        ),
        pytest.param(
            "CREATE INDEX i ON posts (id) WHERE due >= '2026-01-01' and note is not null and active <> 0",
            "CREATE INDEX `i` ON `posts` (`id`) WHERE `due` >= '2026-01-01' AND `note` IS NOT NULL AND `active` != 0",
            'CREATE INDEX "i" ON public."posts" ("id") WHERE ("due" >= '
            'E\'2026-01-01 00:00:00.000Z\' AND "note" IS NOT NULL AND "active" <> false)',
            id="typed-constants",
        ),
    ],
)
def test_a_statement_is_understood_and_written_anew(statement: str, text: str, sql: str) -> None:
    index = read_index(statement, POSTS.by_name)
    assert index_text(index, POSTS.name) == text
    assert inline(index_sql(index, POSTS)) == sql
    assert read_index(text, POSTS.by_name) == index


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param("", "CREATE", id="empty"),
        pytest.param("DROP TABLE posts", "CREATE", id="another-statement"),
        pytest.param("CREATE INDEX i ON posts (title); DROP TABLE posts", "end", id="two-statements"),
        pytest.param("CREATE INDEX i ON posts (title) -- x", "character", id="comment"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE (SELECT 1)", "field", id="sub-select"),
        pytest.param("CREATE INDEX i ON posts (nope)", "nope", id="unknown-field"),
        pytest.param("CREATE INDEX i ON posts (title", "ends", id="open-bracket"),
        pytest.param("CREATE INDEX i ON posts ()", "field", id="no-columns"),
        pytest.param("CREATE INDEX i ON posts (random())", "random", id="unknown-function"),
        pytest.param("CREATE INDEX i ON posts (pg_sleep(title))", "pg_sleep", id="hostile-function"),
        pytest.param("CREATE INDEX i ON posts (title COLLATE RTRIM)", "RTRIM", id="collation"),
        pytest.param("CREATE INDEX i ON posts (lower(views))", "text", id="lower-of-a-number"),
        pytest.param("CREATE INDEX i ON posts (meta)", "order", id="json"),
        pytest.param("CREATE INDEX i ON posts (place)", "order", id="place"),
        pytest.param("CREATE INDEX `hf_x` ON posts (title)", "hf_", id="our-names"),
        pytest.param("CREATE INDEX `a b` ON posts (title)", "letter", id="name-with-a-space"),
        pytest.param("CREATE INDEX `í` ON posts (title)", "accents", id="name-with-an-accent"),
        pytest.param("CREATE INDEX `" + "i" * 64 + "` ON posts (title)", "63", id="long-name"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE views > 'x'", "number", id="constant-of-another-type"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE title = 5", "compared", id="text-and-number"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE due > 'soon'", "date", id="no-date"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE author > ''", "equal", id="more-than-empty"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE tags = 'a'", "many", id="many-and-one"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE title = views", "constant", id="two-fields"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE " + "(" * 50 + "active" + ")" * 50, "nested", id="deep"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE " + "NOT " * 900 + "active", "nested", id="not-not"),
        pytest.param("CREATE INDEX i ON posts (" + "(" * 1900 + "title" + ")" * 1900 + ")", "nested", id="deep-column"),
        pytest.param("CREATE INDEX i ON posts (" + ",".join(["title"] * 17) + ")", "columns", id="many-columns"),
        pytest.param("CREATE INDEX i ON posts (title) WHERE title = '" + "x" * 5000 + "'", "longer", id="long"),
        pytest.param("CREATE INDEX i ON posts (`title`\0)", "character", id="nul"),
    ],
)
def test_all_else_is_refused_with_a_reason(statement: str, said: str) -> None:
    with pytest.raises(InvalidIndex, match=said):
        read_index(statement, POSTS.by_name)


def test_a_constant_cannot_leave_its_quotes() -> None:
    index = read_index("CREATE INDEX i ON posts (title) WHERE title = 'a\\'' OR true --'", POSTS.by_name)
    assert inline(index_sql(index, POSTS)).endswith("WHERE \"title\" = E'a\\\\'' OR true --'")


def test_an_index_follows_a_renamed_field() -> None:
    index = read_index("CREATE INDEX i ON posts (title) WHERE title != '' OR active IS NULL", POSTS.by_name)
    renamed = rename_fields(index, {"title": "headline"})
    assert index_text(renamed, "posts") == (
        "CREATE INDEX `i` ON `posts` (`headline`) WHERE `headline` != '' OR `active` IS NULL"
    )
    assert renamed.fields == {"headline", "active"}


def test_a_statement_may_still_use_the_old_name_of_a_renamed_field() -> None:
    index = read_index("CREATE INDEX i ON posts (heading)", POSTS.by_name, old_names={"heading": "title"})
    assert index.parts[0].field == "title"


@pytest.mark.parametrize(
    ("statement", "sole"),
    [
        pytest.param("CREATE UNIQUE INDEX i ON posts (title)", "title", id="one-field"),
        pytest.param("CREATE UNIQUE INDEX i ON posts (lower(title))", "title", id="folded"),
        pytest.param("CREATE UNIQUE INDEX i ON posts (length(title))", None, id="length"),
        pytest.param("CREATE UNIQUE INDEX i ON posts (title, views)", None, id="two-fields"),
        pytest.param("CREATE INDEX i ON posts (title)", None, id="not-unique"),
    ],
)
def test_an_index_says_which_field_it_keeps_unique(statement: str, sole: str | None) -> None:
    assert read_index(statement, POSTS.by_name).sole_unique_field == sole


def test_a_collection_gives_its_indexes_by_name() -> None:
    collection = Collection(id="x", name="posts", fields=POSTS.fields, indexes=("CREATE INDEX i ON posts (title)",))
    assert list(read_indexes(collection)) == ["i"]
