"""The SQL of filters: plain comparisons that an index serves, joins that are shared, one EXISTS for one record."""

import pytest

from holdfast.db.sql import Inputs, Statement
from holdfast.errors import InvalidFilter, InvalidSort
from holdfast.expressions.read import read_filter
from unit.expressions.library import scope, sql


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("title = 'x'", 'r."title" = $1::text'),
        ("title != 'x'", 'r."title" <> $1::text'),
        ("title = ''", "r.\"title\" = ''"),
        ("title = null", "r.\"title\" = ''"),
        ("title = 5", 'r."title" = $1::text'),
        ("'x' < title", 'r."title" > $1::text'),
        ("title ~ 'x'", 'r."title" ILIKE $1::text'),
        ("subtitle = 'x'", '(r."subtitle" IS NOT NULL AND r."subtitle" = $1::text)'),
        ("subtitle != 'x'", 'r."subtitle" IS DISTINCT FROM $1::text'),
        ("subtitle = ''", '(r."subtitle" IS NULL OR r."subtitle" = \'\')'),
        ("views > 5", 'r."views" > $1::double precision'),
        ("views = '5'", 'r."views" = $1::double precision'),
        ("views = 'x'", "false"),
        ("views != 'x'", "true"),
        ("views = null", "false"),
        ("likes = 5", 'r."likes" = $1::bigint'),
        ("likes < 5.5", 'r."likes" < $1::numeric'),
        ("price = 1.50", 'r."price" = $1::numeric'),
        ("open = true", 'r."open" = true'),
        ("created >= '2024-05'", 'r."created" >= $1::timestamptz'),
        ("created > @yearStart", 'r."created" > $1::timestamptz'),
        ("due = ''", 'r."due" IS NULL'),
        ("due > @now", '(r."due" IS NOT NULL AND r."due" > $1::timestamptz)'),
        ("due < @now", '(r."due" IS NULL OR r."due" < $1::timestamptz)'),
        ("tags ?= 'x'", 'r."tags" @> ARRAY[$1::text]'),
        ("tags != 'x'", 'NOT (r."tags" @> ARRAY[$1::text])'),
        ("editors.id ?= 'x'", 'r."editors" @> ARRAY[$1::text]'),
        ("author.id = 'x'", '(r."author" IS NOT NULL AND r."author" = $1::text)'),
        ("author = 'x'", '(r."author" IS NOT NULL AND r."author" = $1::text)'),
        ("title = 'x' && title != 'y'", '(r."title" = $1::text AND r."title" <> $2::text)'),
    ],
)
def test_a_comparison_with_a_column_is_a_plain_one(text: str, condition: str) -> None:
    assert sql(text) == (condition, "")


def test_a_record_is_joined_once_for_all_comparisons() -> None:
    condition, joins = sql("author.name = 'x' && (author.team.name = 'y' || author.team.level > 1)")
    assert joins.count("LEFT JOIN") == 2
    assert condition.count("EXISTS") == 0


def test_comparisons_with_a_question_mark_are_about_one_record() -> None:
    condition, _ = sql("comments_via_post.message ?~ 'x' && comments_via_post.stars ?> 3 && title = 'y'")
    assert condition.count("EXISTS") == 1
    assert sql("comments_via_post.message ?~ 'x' || comments_via_post.stars ?> 3")[0].count("EXISTS") == 2


def test_a_plain_comparison_is_about_every_record() -> None:
    condition, _ = sql("comments_via_post.message != 'x'")
    assert condition.startswith('NOT (EXISTS (SELECT FROM public."comments"')


def test_rows_that_the_caller_may_not_list_are_not_there() -> None:
    assert "AND (false)" in sql("author.name = 'x'", closed=("authors",))[1]
    assert "AND (false)" in sql("comments_via_post.message ?= 'x'", closed=("comments",))[0]
    assert "AND (false)" in sql("author.id = 'x'", closed=("authors",))[1]
    assert "AND (false)" in sql("editors.id ?= 'x'", closed=("authors",))[0]


def test_an_email_counts_only_where_it_is_shown() -> None:
    hidden = '("h1"."emailVisibility" AND ("h1"."email" IS NOT NULL AND "h1"."email" = $1::text))'
    assert sql("author.email = 'x'")[0] == hidden
    assert "emailVisibility" not in sql("author.email = 'x'", sees_hidden=True)[0]
    assert '"emailVisibility" WHEN true' in sql("author.email ~ 'x'")[0]


def test_one_statement_runs_with_the_literals_of_another_filter() -> None:
    first, second = read_filter("title = 'a' && views > 5"), read_filter("title = 'b' && views > 70")
    statement = Statement.of(scope().condition(first.tree))
    assert first.shape == second.shape
    assert statement.args(Inputs(second.literals)) == ["b", 70.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel = 1", 'There is no field "titel" (at character 1): did you mean "title"?'),
        ("open = true && author.nme = 'x'", 'There is no field "nme" (at character 23): did you mean "name"?'),
        ("title = 'a long text' && Title = 1", 'There is no field "Title" (at character 26): did you mean "title"?'),
        ("title.x = 1", '"title" is no relation, so nothing can follow it (at character 7).'),
        ("author.secret = 1", 'There is no field "secret" (at character 8).'),
        (
            "coments_via_post.id = 1",
            'There is no field "coments_via_post" (at character 1): did you mean "comments_via_post"?',
        ),
        ("comments_via_post = 1", '"comments_via_post" is a collection: name one of its fields (at character 1).'),
        ("nothing_via_nowhere.id = 1", 'There is no field "nothing_via_nowhere" (at character 1).'),
        (
            "place = 1",
            "A point cannot be compared as a whole: use its .lon and .lat, or geoDistance() (at character 7).",
        ),
        ("place.x = 1", '"place" is a point: it has .lon and .lat (at character 7).'),
        ("embedding = 1", '"embedding" cannot be compared (at character 1).'),
        ("created > 'x'", "Only a date can come before or after a date (at character 9)."),
        ("created > '2024-13-01'", "Only a date can come before or after a date (at character 9)."),
        ("created < views", "Only a date can come before or after a date (at character 9)."),
        ("views < 'x'", "Only a number can come before or after a number (at character 7)."),
        ("views:lower = 'x'", ':lower is for texts, and "views" is none (at character 6).'),
        ("title:each = 'x'", ":each is for select, relation and file fields (at character 6)."),
        ("title:isset = true", ":isset is for @request in rules (at character 6)."),
        ("@request.auth.id = 'x'", '"@request" is for rules (at character 1).'),
        ("@collection.posts.id = 'x'", '"@collection" is for rules (at character 1).'),
        ("geoDistance(1, 2) < 3", "geoDistance takes four numbers: lonA, latA, lonB, latB (at character 1)."),
        ("geoDistance(open, 1, 2, 3) < 3", "geoDistance takes four numbers: lonA, latA, lonB, latB (at character 1)."),
        ("strftime('%Q', created) = 1", None),
        ("strftime('%Y', created, '+1 week') = 1", None),
        ("strftime('%Y', created, '+9000 years') = 1", "strftime goes at most 4000 years away (at character 1)."),
        (
            "strftime(title, created) = 1",
            "strftime takes its format and its modifiers as texts in quotes (at character 10).",
        ),
        ("strftime('%Y', views) = 1", "strftime takes a date as its second argument (at character 1)."),
        ("strftime('%Y', 'now') = 1", "strftime cannot take this as an argument (at character 16)."),
        ("strftime() = 1", "strftime takes a format, a date and modifiers (at character 1)."),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_place(text: str, message: str | None) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        sql(text)
    assert refusal.value.message == message or (message is None and "strftime knows no" in refusal.value.message)


@pytest.mark.parametrize(
    ("hidden", "unknown"),
    [
        ("secret = 1", "sacret = 1"),
        ("author.note = 1", "author.note = 1"),
        ("author.password = 1", "author.passward = 1"),
        ("author.tokenKey ~ 'a'", "author.takenKey ~ 'a'"),
        ("author.comments_via_reviewer.id = 1", "author.comments_via_raviewer.id = 1"),
    ],
)
def test_a_hidden_name_is_refused_like_an_unknown_one(hidden: str, unknown: str) -> None:
    messages: list[str] = []
    for text in (hidden, unknown):
        with pytest.raises(InvalidFilter) as refusal:
            sql(text)
        name = text.split(" ")[0].removeprefix("author.").removesuffix(".id")
        messages.append(refusal.value.message.replace(name, "NAME"))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("text", ["secret = 'x'", "author.note = 'x'", "author.comments_via_reviewer.id = 'x'"])
def test_superusers_filter_by_hidden_fields(text: str) -> None:
    assert sql(text, sees_hidden=True)[0]


def test_nobody_filters_by_a_password() -> None:
    with pytest.raises(InvalidFilter, match='There is no field "password"'):
        sql("author.password ~ '$argon'", sees_hidden=True)


def test_a_path_goes_through_at_most_six_relations() -> None:
    around = "comments_via_post.post."
    assert sql(around * 3 + "title ?= 'x'")[0]
    with pytest.raises(InvalidFilter, match="at most 6 relations"):
        sql(around * 3 + "author.name ?= 'x'")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("-created,title", [('r."created"', True, False), ('r."title"', False, False)]),
        (" + title , -views ", [('r."title"', False, False), ('r."views"', True, False)]),
        ("author.name", [('"h1"."name"', False, True)]),
        ("author.id", [('r."author"', False, True)]),
        ("due", [('r."due"', False, True)]),
        ("@random", [("random()", False, False)]),
        ("-@rowid", [('r."id"', True, False)]),
        ("place.lat", [('(r."place")[1]', False, False)]),
        ("title:lower", [('lower(r."title")', False, False)]),
        ("tags", [("array_to_string(r.\"tags\", ',')", False, True)]),
        ("", []),
    ],
)
def test_a_sort_becomes_keys(text: str, keys: list[tuple[str, bool, bool]]) -> None:
    found = scope().sort(text)
    assert [(Statement.of(key.sql).text, key.descending, key.nullable) for key in found] == keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel", 'There is no field "titel" (in the sort key "titel"): did you mean "title"?'),
        ("secret", 'There is no field "secret" (in the sort key "secret").'),
        ("author.password", 'There is no field "password" (in the sort key "author.password").'),
        (
            "comments_via_post.id",
            '"comments_via_post.id" leads to many values, which have no order '
            '(in the sort key "comments_via_post.id").',
        ),
        ("editors.name", '"editors.name" leads to many values, which have no order (in the sort key "editors.name").'),
        ("place", '"place" has no order (in the sort key "place").'),
        ("@rnadom", 'There is no "@rnadom" to sort by (in the sort key "@rnadom"): did you mean "@random"?'),
        ("title; DROP", "'title; DROP' is no field (in the sort key \"title; DROP\")."),
        ("--title", "'-title' is no field (in the sort key \"--title\")."),
        ("-", "'' is no field (in the sort key \"-\")."),
        (",".join(["title"] * 9), "A sort has at most 8 keys."),
    ],
)
def test_what_cannot_be_sorted_by_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidSort) as refusal:
        scope().sort(text)
    assert refusal.value.message == message
